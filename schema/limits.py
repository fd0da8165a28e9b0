"""How much a document may ask for, checked before validation, and what it costs.

A document is told apart from what it expands to: `schema.measuring` adds that up in as many steps
as the document is long.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    TokenKind,
)
from strawberry.extensions import SchemaExtension

from domain.replaying import REPLAYS_MAX
from domain.reports import PAGE_SIZE_MAX
from schema.codes import RequestErrorCode
from schema.context import GraphContext
from schema.measuring import Measure, Walk
from schema.merging import count_comparisons

DEPTH_MAX = 12
INTROSPECTION_DEPTH_MAX = 20
"""What an IDE's introspection asks for: it unwraps a type up to nine times."""

FIELDS_MAX = 500
SPREADS_MAX = 200
ALIASES_MAX = 30
FRAGMENTS_MAX = 20
OPERATIONS_MAX = 10
VARIABLES_MAX = 50
DIRECTIVES_MAX = 20
COMPARISONS_MAX = 2_000
"""Comparisons of fields that answer under one name; they are most of what validation costs."""

INTEGER_DIGITS_MAX = 19
"""What 64 bits can hold. Python itself refuses to read thousands of digits, as a fault of ours."""

LISTS_MAX = 500
"""Each list is a query of its own: beyond this one document would keep the database from others."""

NESTING_MAX = 60
"""Levels of braces within one definition; it bounds the walk itself."""

TOKENS_MAX = 2_000
"""Tokens of a document, counted by the parser before anything is built from it."""

ARGUMENTS_MAX = 500
"""Tokens within parentheses: each error of validation repeats the value that it is about."""

VALUES_MAX = 1_000
"""Values in the variables, at any depth."""

MUTATION_COST = 5
MONEY_COST = 10
"""What a mutation costs beyond what it answers, and one that calls the gateway: 60,000 points are
the 100 writes a second of one account at Stripe (docs.stripe.com/rate-limits)."""

BULK_COST = REPLAYS_MAX
"""What one costs that replays many events: each of them is a piece of work for the worker, which
all tenants share."""

COST_MAX = 5_000
REFUSED_COST = 10
"""What a document costs that is refused: it was parsed, and perhaps validated, for nothing."""


_PARENTHESES = {TokenKind.PAREN_L: 1, TokenKind.PAREN_R: -1}


class DocumentRefused(GraphQLError):
    """The document asks for more than one request may."""

    def __init__(self, message: str, code: RequestErrorCode) -> None:
        super().__init__(message, extensions={"code": code})
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    """What a document comes to: the cost of the dearest of its operations, and whether one of them
    reads the schema itself."""

    cost: int
    introspects: bool


def check_document(document: DocumentNode, variables: Mapping[str, object] | None = None) -> Asked:
    """What the document asks for. `variables` may tell the size of a page.

    Raises DocumentRefused: QUERY_TOO_COMPLEX; BAD_USER_INPUT for an endless integer or a second
    money mutation; GRAPHQL_VALIDATION_FAILED for a fragment that spreads itself.
    """
    _check_tokens(document)
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    operations = [
        definition
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
    ]
    _refuse_above("definitions", len(document.definitions), FRAGMENTS_MAX + OPERATIONS_MAX)
    _refuse_above("fragments", len(fragments), FRAGMENTS_MAX)
    _refuse_above("operations", len(operations), OPERATIONS_MAX)
    walk = Walk(fragments, variables or {}, _check_nesting)
    # a fragment that nothing spreads is validated too
    for name in fragments:
        _check_measure(walk.fragment(name, 0), depth_max=INTROSPECTION_DEPTH_MAX)
    asked = [_check_operation(operation, walk) for operation in operations]
    if walk.is_circular:
        raise DocumentRefused(
            "A fragment spreads itself.", RequestErrorCode.GRAPHQL_VALIDATION_FAILED
        )
    sets = [at.selection_set.selections for at in (*fragments.values(), *operations)]
    compared = sum(count_comparisons(selections, fragments) for selections in sets)
    _refuse_above("selections of what is selected already", compared, COMPARISONS_MAX)
    return Asked(max((at.cost for at in asked), default=1), any(at.introspects for at in asked))


def check_variables(variables: Mapping[str, object]) -> None:
    """Raises DocumentRefused (QUERY_TOO_COMPLEX) for more variables, values or items of a list than
    any operation has use for."""
    _refuse_above("variables", len(variables), VARIABLES_MAX)
    waiting: list[object] = list(variables.values())
    seen = 0
    while waiting:
        value = waiting.pop()
        seen += 1
        if isinstance(value, list | Mapping):
            _refuse_above("items in one value of the variables", len(value), PAGE_SIZE_MAX)
            waiting += value.values() if isinstance(value, Mapping) else value
    _refuse_above("values in the variables", seen, VALUES_MAX)


def _check_tokens(document: DocumentNode) -> None:
    token = document.loc.start_token if document.loc else None
    parentheses = inside = 0
    while token is not None:
        parentheses += _PARENTHESES.get(token.kind, 0)
        inside += parentheses > 0
        if token.kind is TokenKind.INT and _digits(token.value) > INTEGER_DIGITS_MAX:
            raise DocumentRefused(
                f"An integer has at most {INTEGER_DIGITS_MAX} digits.",
                RequestErrorCode.BAD_USER_INPUT,
            )
        token = token.next
    _refuse_above("tokens within parentheses: send values as variables", inside, ARGUMENTS_MAX)


def _digits(number: str | None) -> int:
    return len((number or "").lstrip("-"))


def _check_operation(operation: OperationDefinitionNode, walk: Walk) -> Asked:
    variables = operation.variable_definitions or ()
    _refuse_above("variables", len(variables), VARIABLES_MAX)
    measure = walk.measure(operation.selection_set.selections, nesting=1)
    measure.directives += len(operation.directives or ())
    measure.directives += sum(len(variable.directives or ()) for variable in variables)
    _check_measure(measure, depth_max=DEPTH_MAX)
    cost = measure.cost + measure.item_cost
    if operation.operation is OperationType.MUTATION:
        if measure.money > 1:
            raise DocumentRefused(
                "A document calls the gateway once: send one such mutation at a time.",
                RequestErrorCode.BAD_USER_INPUT,
            )
        cost += measure.roots * MUTATION_COST + measure.money * (MONEY_COST - MUTATION_COST)
        cost += measure.bulk * BULK_COST
    _refuse_above("points of cost", cost, COST_MAX)
    return Asked(max(cost, 1), measure.introspection_depth > 0)


def _check_measure(measure: Measure, *, depth_max: int) -> None:
    _refuse_above("levels", measure.depth, depth_max)
    _refuse_above("introspection levels", measure.introspection_depth, INTROSPECTION_DEPTH_MAX)
    _refuse_above("fields", measure.fields, FIELDS_MAX)
    _refuse_above("fragments, each counted where it is spread", measure.spreads, SPREADS_MAX)
    _refuse_above("aliases", measure.aliases, ALIASES_MAX)
    _refuse_above("directives", measure.directives, DIRECTIVES_MAX)
    _refuse_above(
        "lists, those of each item counted: ask for smaller pages", measure.lists, LISTS_MAX
    )


def _check_nesting(nesting: int) -> None:
    _refuse_above("nested braces", nesting, NESTING_MAX)


def _refuse_above(what: str, found: int, most: int) -> None:
    if found > most:
        raise DocumentRefused(
            f"The document has more than {most} {what}.", RequestErrorCode.QUERY_TOO_COMPLEX
        )


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
            variables = self.execution_context.variables or {}
            check_variables(variables)
            asked = check_document(document, variables)
            self._check_operation_name(document)
            self._check_caller(asked)
        yield

    def _check_caller(self, asked: Asked) -> None:
        context = self.execution_context.context
        if isinstance(context, GraphContext):
            context.budget.cost = asked.cost
            if asked.introspects and not context.may_introspect:
                message = "These roles may not read the schema from the API."
                raise DocumentRefused(message, RequestErrorCode.FORBIDDEN)

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
