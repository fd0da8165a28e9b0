"""How much a document may ask for. One walk, before validation; each fragment is measured once.

The library's own limiters expand a fragment at each spread, which doubles with every level of
nesting. Here a fragment's measure is remembered and added up at each spread, so a document costs
its own length, whatever it expands to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    TokenKind,
    ValueNode,
    VariableNode,
)
from strawberry.extensions import SchemaExtension

from domain.reports import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX
from schema.codes import RequestErrorCode
from schema.mutation import GATEWAY_MUTATIONS

DEPTH_MAX = 12
INTROSPECTION_DEPTH_MAX = 20
"""What an IDE's introspection asks for: it unwraps a type up to nine times."""

FIELDS_MAX = 500
ALIASES_MAX = 30
FRAGMENTS_MAX = 20
DIRECTIVES_MAX = 20
INTEGER_DIGITS_MAX = 19
"""What 64 bits can hold. Python itself refuses to read thousands of digits, as a fault of ours."""

LISTS: Mapping[str, int] = {
    "auditEntries": PAGE_SIZE_DEFAULT,
    "orders": PAGE_SIZE_DEFAULT,
    "payments": PAGE_SIZE_DEFAULT,
    "refunds": PAGE_SIZE_DEFAULT,
    "timeline": 50,
}
"""The fields that read a slice of a list, and how many items they take when they are not told."""

LISTS_MAX = 500
"""Each list is a query of its own: beyond this one document would keep the database from others."""

NESTING_MAX = 60
"""Levels of braces within one definition; it bounds the walk itself."""

TOKENS_MAX = 2_000
"""Tokens of a document, counted by the parser before anything is built from it."""


@dataclass(slots=True)
class Measure:
    """What a selection set comes to with its fragments expanded. `money` counts the mutations at
    its own level that call the gateway, `introspection_depth` what lies below __schema or __type,
    `lists` the slices that are read, those of each item of a slice as often as it has items.
    """

    depth: int = 0
    introspection_depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    money: int = 0
    lists: int = 0

    def add(self, other: Measure, *, levels: int = 0) -> None:
        """Takes in what is selected beside this; `levels` below it, its mutations do not count."""
        self.depth = max(self.depth, other.depth + levels)
        self.introspection_depth = max(self.introspection_depth, other.introspection_depth)
        self.fields += other.fields
        self.aliases += other.aliases
        self.directives += other.directives
        self.money += 0 if levels else other.money
        self.lists += other.lists


class DocumentRefused(GraphQLError):
    """The document asks for more than one request may."""

    def __init__(self, message: str, code: RequestErrorCode) -> None:
        super().__init__(message, extensions={"code": code})
        self.code = code


def check_document(document: DocumentNode, variables: Mapping[str, object] | None = None) -> None:
    """Raises DocumentRefused: QUERY_TOO_COMPLEX, or BAD_USER_INPUT for an endless integer or a
    second money mutation. `variables` may tell the size of a page."""
    _check_integers(document)
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    _refuse_above("fragments", len(fragments), FRAGMENTS_MAX)
    walk = _Walk(fragments, variables or {})
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            _check_operation(definition, walk)


def _check_integers(document: DocumentNode) -> None:
    token = document.loc.start_token if document.loc else None
    while token is not None:
        if (
            token.kind is TokenKind.INT
            and len((token.value or "").lstrip("-")) > INTEGER_DIGITS_MAX
        ):
            raise DocumentRefused(
                f"An integer has at most {INTEGER_DIGITS_MAX} digits.",
                RequestErrorCode.BAD_USER_INPUT,
            )
        token = token.next


def _check_operation(operation: OperationDefinitionNode, walk: _Walk) -> None:
    measure = walk.measure(operation.selection_set.selections, nesting=1)
    _refuse_above("levels", measure.depth, DEPTH_MAX)
    _refuse_above("introspection levels", measure.introspection_depth, INTROSPECTION_DEPTH_MAX)
    _refuse_above("fields", measure.fields, FIELDS_MAX)
    _refuse_above("aliases", measure.aliases, ALIASES_MAX)
    _refuse_above(
        "directives", measure.directives + len(operation.directives or ()), DIRECTIVES_MAX
    )
    _refuse_above(
        "lists, those of each item counted: ask for smaller pages", measure.lists, LISTS_MAX
    )
    if operation.operation is OperationType.MUTATION and measure.money > 1:
        raise DocumentRefused(
            "A document calls the gateway once: send one such mutation at a time.",
            RequestErrorCode.BAD_USER_INPUT,
        )


def _refuse_above(what: str, found: int, most: int) -> None:
    if found > most:
        raise DocumentRefused(
            f"The document has more than {most} {what}.", RequestErrorCode.QUERY_TOO_COMPLEX
        )


class _Walk:
    """Measures selection sets, and each fragment once. A cycle counts once; validation names it."""

    def __init__(
        self, fragments: Mapping[str, FragmentDefinitionNode], variables: Mapping[str, object]
    ) -> None:
        self.fragments = fragments
        self.variables = variables
        self.measured: dict[str, Measure] = {}

    def measure(self, selections: Iterable[SelectionNode], *, nesting: int) -> Measure:
        """What the selections come to."""
        _refuse_above("nested braces", nesting, NESTING_MAX)
        total = Measure()
        for selection in selections:
            total.directives += len(selection.directives or ())
            if isinstance(selection, FieldNode):
                self._add_field(total, selection, nesting)
            elif isinstance(selection, InlineFragmentNode):
                total.add(self.measure(selection.selection_set.selections, nesting=nesting + 1))
            elif isinstance(selection, FragmentSpreadNode):
                total.add(self._fragment(selection.name.value, nesting))
        return total

    def _add_field(self, total: Measure, field: FieldNode, nesting: int) -> None:
        below = Measure()
        if field.selection_set:
            below = self.measure(field.selection_set.selections, nesting=nesting + 1)
        if field.name.value in {"__schema", "__type"}:
            below.introspection_depth, below.depth = below.depth, 0
        below.lists = below.lists * self._items(field) + (field.name.value in LISTS)
        total.add(below, levels=1)
        total.fields += 1
        total.aliases += field.alias is not None
        total.money += field.name.value in GATEWAY_MUTATIONS

    def _items(self, field: FieldNode) -> int:
        """For how many items the selection below the field is read."""
        sizes = [
            self._size(argument.value)
            for argument in field.arguments or ()
            if argument.name.value in {"first", "last", "ids"}
        ]
        return min(max(sizes, default=LISTS.get(field.name.value, 1)), PAGE_SIZE_MAX)

    def _size(self, value: ValueNode) -> int:
        if isinstance(value, ListValueNode):
            return len(value.values)
        told: object = None
        if isinstance(value, VariableNode):
            told = self.variables.get(value.name.value)
        elif isinstance(value, IntValueNode):
            told = int(value.value)
        if isinstance(told, list):
            return len(told)
        return told if isinstance(told, int) and told > 0 else PAGE_SIZE_MAX

    def _fragment(self, name: str, nesting: int) -> Measure:
        if name not in self.measured:
            self.measured[name] = Measure()
            fragment = self.fragments.get(name)
            if fragment is not None:
                selections = fragment.selection_set.selections
                self.measured[name] = self.measure(selections, nesting=nesting + 1)
        return self.measured[name]


class DocumentLimits(SchemaExtension):
    """Applies the limits: tokens while parsing, the rest before validation."""

    def on_operation(self) -> Iterator[None]:
        """Bounds the parser."""
        self.execution_context.parse_options["max_tokens"] = TOKENS_MAX
        yield

    def on_validate(self) -> Iterator[None]:
        """Raises DocumentRefused before any rule of validation runs."""
        document = self.execution_context.graphql_document
        if document is not None:
            check_document(document, self.execution_context.variables)
            self._check_operation_name(document)
        yield

    def _check_operation_name(self, document: DocumentNode) -> None:
        """Without a name, a document must hold one operation (GraphQL specification, section
        6.1, GetOperation); Strawberry would run the first."""
        operations = sum(
            isinstance(definition, OperationDefinitionNode) for definition in document.definitions
        )
        if operations > 1 and self.execution_context._provided_operation_name is None:
            raise DocumentRefused(
                "A document with several operations needs operationName.",
                RequestErrorCode.BAD_USER_INPUT,
            )
