"""Requests in which the platform's people act within a tenant are audited before they run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from strawberry.extensions import SchemaExtension

from domain.card_numbers import without_card_numbers
from resolvers import acting
from schema.context import GraphContext


class ActingIsAudited(SchemaExtension):
    """One entry a request, once its document is found valid; without it nothing is executed."""

    async def on_execute(self) -> AsyncIterator[None]:
        """Writes the entry. Raises DatabaseUnavailable."""
        context = self.execution_context.context
        document = self.execution_context.graphql_document
        if isinstance(context, GraphContext) and document is not None:
            asked = describe(document, self.execution_context.operation_name)
            await acting.record(context.base, without_card_numbers(asked))
        yield


def describe(document: DocumentNode, operation_name: str | None) -> str:
    """The operation that is run, by its kind, its name and its root fields: the name alone is
    whatever the caller calls it. `mutation Repair { refundPayment }`."""
    definition = _executed(document, operation_name)
    if definition is None:
        return "nothing"
    name = [definition.name.value] if definition.name else []
    fields = ", ".join(root_fields(document, operation_name))
    return " ".join([definition.operation.value, *name, "{", fields, "}"])


def root_fields(document: DocumentNode, operation_name: str | None) -> list[str]:
    """The names of the root fields of the operation that is run, each once, sorted."""
    definition = _executed(document, operation_name)
    found = () if definition is None else _root_fields(document, definition.selection_set)
    return sorted(set(found))


def _executed(document: DocumentNode, operation_name: str | None) -> OperationDefinitionNode | None:
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            name = definition.name.value if definition.name else None
            if operation_name in (None, name):
                return definition
    return None


def _root_fields(document: DocumentNode, selection_set: SelectionSetNode) -> Iterator[str]:
    """The names of the fields beside one another, those of fragments included, not their aliases.
    A fragment is looked into once, however often it is spread."""
    fragments = {
        definition.name.value: definition.selection_set
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    waiting = [selection_set]
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FieldNode):
                yield selection.name.value
            elif isinstance(selection, FragmentSpreadNode):
                spread = fragments.pop(selection.name.value, None)
                waiting += [spread] if spread else []
            elif isinstance(selection, InlineFragmentNode):
                waiting.append(selection.selection_set)
