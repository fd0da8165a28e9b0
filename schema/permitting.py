"""A mutation is refused whole, before it does anything, where its answer could not be given.

Otherwise a payment would be made, and told as FORBIDDEN or BAD_USER_INPUT without a word about it:
a field that may not be read, or whose page is out of range, takes the answer around it along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    BooleanValueNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    StringValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_operation_ast,
)
from strawberry.extensions import SchemaExtension

from domain.caller import Caller
from domain.ids import Prefix
from resolvers.access import NULLED, ROLES, permits
from schema.codes import BadInput, RequestErrorCode
from schema.connection import page_request
from schema.context import GraphContext
from schema.limits import DocumentRefused

PAGES: Mapping[str, Prefix] = {
    "Order.payments": Prefix.PAYMENT,
    "Payment.disputes": Prefix.DISPUTE,
    "Payment.refunds": Prefix.REFUND,
    "Payment.timeline": Prefix.AUDIT_ENTRY,
    "Payment.webhookEvents": Prefix.WEBHOOK_EVENT,
}
"""The lists that an answer may hold, with the prefix of their cursors."""


@dataclass(frozen=True, slots=True)
class _Walk:
    """The fields of a document that was found valid, whose expanded size is bounded."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, object]

    def fields(
        self, selections: Iterable[SelectionNode], parent: GraphQLNamedType
    ) -> Iterator[tuple[str, FieldNode, GraphQLNamedType]]:
        """The fields beside one another: `Type.field`, the node, and the type of what it gives."""
        for selection in selections:
            if self._is_left_out(selection):
                continue
            if isinstance(selection, FieldNode):
                yield from self._field(selection, parent)
                continue
            part: InlineFragmentNode | FragmentDefinitionNode
            if isinstance(selection, FragmentSpreadNode):
                part = self.fragments[selection.name.value]
            elif isinstance(selection, InlineFragmentNode):
                part = selection
            condition = part.type_condition
            kind = self.schema.type_map[condition.name.value] if condition else parent
            yield from self.fields(part.selection_set.selections, kind)

    def below(self, node: FieldNode, kind: GraphQLNamedType) -> Iterator[tuple[str, FieldNode]]:
        """All fields below one, at any depth."""
        selections = node.selection_set.selections if node.selection_set else ()
        for name, inner, inner_kind in self.fields(selections, kind):
            yield name, inner
            yield from self.below(inner, inner_kind)

    def told(self, node: FieldNode) -> Mapping[str, object]:
        """The arguments of a field that are plain values."""
        return {at.name.value: _value(at.value, self.variables) for at in node.arguments or ()}

    def _field(
        self, node: FieldNode, parent: GraphQLNamedType
    ) -> Iterator[tuple[str, FieldNode, GraphQLNamedType]]:
        if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            field = parent.fields.get(node.name.value)
            if field is not None:
                yield f"{parent.name}.{node.name.value}", node, get_named_type(field.type)

    def _is_left_out(self, node: SelectionNode) -> bool:
        """Whether @skip or @include leaves it out (GraphQL specification, section 3.13)."""
        for directive in node.directives or ():
            told = [_value(at.value, self.variables) for at in directive.arguments or ()]
            if told == [directive.name.value == "skip"]:
                return True
        return False


def check_answer(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None,
    variables: Mapping[str, object],
    caller: Caller,
) -> None:
    """Raises DocumentRefused for a mutation in whose answer a field gives the caller an error that
    can be foreseen. A mutation that stands alone and is not the caller's does nothing anyway."""
    operation = get_operation_ast(document, operation_name)
    if operation is None or operation.operation is not OperationType.MUTATION:
        return
    fragments = {
        at.name.value: at for at in document.definitions if isinstance(at, FragmentDefinitionNode)
    }
    walk = _Walk(schema, fragments, _defaults(operation) | dict(variables))
    root = schema.mutation_type
    roots = list(walk.fields(operation.selection_set.selections, root)) if root else []
    for name, node, kind in roots:
        if not _is_refused(caller, name):
            for inner_name, inner in walk.below(node, kind):
                _check_role(caller, inner_name)
                _check_page(inner_name, walk.told(inner))
        elif len(roots) > 1:
            _check_role(caller, name)


def _defaults(operation: OperationDefinitionNode) -> dict[str, object]:
    return {
        at.variable.name.value: _value(at.default_value, {})
        for at in operation.variable_definitions or ()
        if at.default_value is not None
    }


def _value(node: ValueNode, variables: Mapping[str, object]) -> object:
    """A number, text or truth value; None for whatever else it is."""
    match node:
        case VariableNode():
            return variables.get(node.name.value)
        case IntValueNode():
            return int(node.value)
        case StringValueNode() | BooleanValueNode():
            return node.value
    return None


def _check_role(caller: Caller, name: str) -> None:
    if _is_refused(caller, name):
        message = f"This token's roles do not cover the field {name}; nothing was done."
        raise DocumentRefused(message, RequestErrorCode.FORBIDDEN)


def _check_page(name: str, told: Mapping[str, object]) -> None:
    if name not in PAGES:
        return
    first, after = told.get("first"), told.get("after")
    try:
        page_request(
            PAGES[name],
            first=first if isinstance(first, int) else None,
            after=after if isinstance(after, str) else None,
        )
    except BadInput as bad:
        message = f"{name}: {bad} Nothing was done."
        raise DocumentRefused(message, RequestErrorCode.BAD_USER_INPUT) from bad


def _is_refused(caller: Caller, name: str) -> bool:
    return name in ROLES and name not in NULLED and not permits(caller, name)


class AnswerIsPermitted(SchemaExtension):
    """Looks at what was found valid, before it is paid for and run."""

    def on_validate(self) -> Iterator[None]:
        """Raises DocumentRefused: FORBIDDEN, BAD_USER_INPUT."""
        at = self.execution_context
        context, document = at.context, at.graphql_document
        if (
            isinstance(context, GraphContext)
            and document is not None
            and not at.pre_execution_errors
        ):
            check_answer(
                at.schema._schema,
                document,
                at._provided_operation_name,
                at.variables or {},
                context.base.caller,
            )
        yield
