"""Parsed and validated documents, kept: a client sends the same few again and again.

Only documents that are valid are kept, and none that is long, so a caller can neither fill the
memory with them nor have an answer to a document of its own made from another's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule

from schema.limits import TOKENS_MAX, check_document
from schema.one_of import OneOfRule

DOCUMENTS_KEPT = 128
CHARACTERS_KEPT = 100_000
"""Of all documents that are kept: parsed, a dense one takes 230 bytes for each character."""

LENGTH_KEPT_MAX = 10_000
"""Characters of one document that may be kept."""

ERRORS_MAX = 5
"""Where validation stops: each further error costs, and tells nobody more."""

_RULES = (
    # The schema has neither @defer nor @stream, so that another rule refuses both; the one about
    # @stream raises AttributeError for a field of a union (graphql-core 3.3.2).
    *(rule for rule in specified_rules if "Stream" not in rule.__name__),
    MaybeNullValidationRule,
    OneOfRule,
)


class KeptDocuments:
    """The last documents that were valid, and those that were pinned, by their text."""

    def __init__(self) -> None:
        self._pinned: Mapping[str, DocumentNode] = {}
        self._kept: OrderedDict[str, DocumentNode] = OrderedDict()
        self._characters = 0

    def __len__(self) -> int:
        return len(self._kept)

    def pin(self, documents: Mapping[str, DocumentNode]) -> None:
        """Keeps these for good, in the place of those that were pinned before."""
        self._pinned = dict(documents)

    def forget(self) -> None:
        """Forgets what is not pinned."""
        self._kept.clear()
        self._characters = 0

    def find(self, text: str) -> DocumentNode | None:
        """The document of exactly this text."""
        if text in self._pinned:
            return self._pinned[text]
        if text in self._kept:
            self._kept.move_to_end(text)
        return self._kept.get(text)

    def keep(self, text: str, document: DocumentNode) -> None:
        """Keeps a valid document, in the place of those that were longest not asked for."""
        if len(text) > LENGTH_KEPT_MAX or text in self._pinned or text in self._kept:
            return
        self._kept[text] = document
        self._characters += len(text)
        while len(self._kept) > DOCUMENTS_KEPT or self._characters > CHARACTERS_KEPT:
            oldest, _ = self._kept.popitem(last=False)
            self._characters -= len(oldest)


def read_document(schema: GraphQLSchema, text: str) -> DocumentNode:
    """The document, if it is valid, and within the limits where its pages are the smallest. Raises
    GraphQLError."""
    document = parse(text, max_tokens=TOKENS_MAX)
    check_document(document, dict.fromkeys(_variables(document), 1))
    for error in find_faults(schema, document):
        raise error
    return document


def _variables(document: DocumentNode) -> Iterator[str]:
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            yield from (at.variable.name.value for at in operation.variable_definitions or ())


def find_faults(schema: GraphQLSchema, document: DocumentNode) -> list[GraphQLError]:
    """The first errors of validation. None guesses at a name: to look for one among all names costs
    most of a second for a document of wrong ones."""
    return validate(schema, document, _RULES, max_errors=ERRORS_MAX, hide_suggestions=True)


class DocumentsAreKept(SchemaExtension):
    """Parses and validates a document unless it is kept."""

    def __init__(self, kept: KeptDocuments) -> None:
        self._kept = kept

    def on_parse(self) -> Iterator[None]:
        """Gives the document if it is kept; else it is parsed after this."""
        self.execution_context.graphql_document = self._kept.find(
            self.execution_context.query or ""
        )
        yield

    def on_validate(self) -> Iterator[None]:
        """Validates what is not kept, and keeps it if it is valid."""
        context = self.execution_context
        document, text = context.graphql_document, context.query or ""
        if document is not None:
            if self._kept.find(text) is document:
                context.pre_execution_errors = []
            else:
                errors = find_faults(context.schema._schema, document)
                context.pre_execution_errors = errors
                if not errors:
                    self._kept.keep(text, document)
        yield
