"""A mutation is refused whole, before it does anything, where its answer may not be read.

Otherwise a payment would be made, and told as FORBIDDEN without a word about it: a field that may
not be read takes the answer around it along.
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
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    VariableNode,
    get_named_type,
    get_operation_ast,
)
from strawberry.extensions import SchemaExtension

from domain.caller import Caller
from resolvers.access import NULLED, ROLES, permits
from schema.codes import RequestErrorCode
from schema.context import GraphContext
from schema.limits import DocumentRefused


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

    def below(self, node: FieldNode, kind: GraphQLNamedType) -> Iterator[str]:
        """The names of all fields below one, at any depth."""
        selections = node.selection_set.selections if node.selection_set else ()
        for name, inner, inner_kind in self.fields(selections, kind):
            yield name
            yield from self.below(inner, inner_kind)

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
            value = directive.arguments[0].value if directive.arguments else None
            told: object = value.value if isinstance(value, BooleanValueNode) else None
            if isinstance(value, VariableNode):
                told = self.variables.get(value.name.value)
            if told is (directive.name.value == "skip"):
                return True
        return False


def forbidden_field(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None,
    variables: Mapping[str, object],
    caller: Caller,
) -> str | None:
    """The first field of a mutation's answer that the caller gets an error for; None where there is
    none. A mutation that stands alone and is not the caller's does nothing by itself."""
    operation = get_operation_ast(document, operation_name)
    if operation is None or operation.operation is not OperationType.MUTATION:
        return None
    fragments = {
        at.name.value: at for at in document.definitions if isinstance(at, FragmentDefinitionNode)
    }
    walk = _Walk(schema, fragments, _defaults(operation) | dict(variables))
    root = schema.mutation_type
    roots = list(walk.fields(operation.selection_set.selections, root)) if root else []
    for name, node, kind in roots:
        if _is_refused(caller, name):
            if len(roots) > 1:
                return name
            continue
        for inner in walk.below(node, kind):
            if _is_refused(caller, inner):
                return inner
    return None


def _defaults(operation: OperationDefinitionNode) -> dict[str, object]:
    return {
        at.variable.name.value: at.default_value.value
        for at in operation.variable_definitions or ()
        if isinstance(at.default_value, BooleanValueNode)
    }


def _is_refused(caller: Caller, name: str) -> bool:
    return name in ROLES and name not in NULLED and not permits(caller, name)


class AnswerIsPermitted(SchemaExtension):
    """Looks at what was found valid, before it is paid for and run."""

    def on_validate(self) -> Iterator[None]:
        """Raises DocumentRefused (FORBIDDEN)."""
        at = self.execution_context
        context, document = at.context, at.graphql_document
        if (
            isinstance(context, GraphContext)
            and document is not None
            and not at.pre_execution_errors
        ):
            name = forbidden_field(
                at.schema._schema,
                document,
                at._provided_operation_name,
                at.variables or {},
                context.base.caller,
            )
            if name is not None:
                message = f"This token's roles do not cover the field {name}; nothing was done."
                raise DocumentRefused(message, RequestErrorCode.FORBIDDEN)
        yield
