"""Strawberry's rule of validation for @oneOf inputs, whatever a document's order."""

from __future__ import annotations

from graphql import (
    DocumentNode,
    GraphQLNamedType,
    NonNullTypeNode,
    ObjectValueNode,
    OperationDefinitionNode,
    VariableDefinitionNode,
    VariableNode,
)
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule


class OneOfRule(OneOfInputValidationRule):
    """The library's rule fails on a variable that is not declared, and on one in a fragment that
    stands before its operation: here the variables are read before anything else. Where operations
    declare one differently, the nullable one counts."""

    def enter_document(self, node: DocumentNode, *_: object) -> None:
        """Reads the variables of all operations."""
        self.variable_definitions: dict[str, VariableDefinitionNode] = {}
        for operation in node.definitions:
            if isinstance(operation, OperationDefinitionNode):
                for variable in operation.variable_definitions or ():
                    self._declare(variable)

    def enter_operation_definition(self, *_: object) -> None:
        """Nothing: the variables are read."""

    def enter_variable_definition(self, *_: object) -> None:
        """Nothing: the variables are read."""

    def validate_one_of(self, node: ObjectValueNode, type: GraphQLNamedType) -> None:
        """Reports what the library's rule finds; an undeclared variable is another rule's."""
        used = {at.value.name.value for at in node.fields if isinstance(at.value, VariableNode)}
        if used <= self.variable_definitions.keys():
            super().validate_one_of(node, type)

    def _declare(self, variable: VariableDefinitionNode) -> None:
        name = variable.variable.name.value
        if not isinstance(variable.type, NonNullTypeNode) or name not in self.variable_definitions:
            self.variable_definitions[name] = variable
