"""Says which root field a document asks for, once it is found valid: the schema's own names."""

from __future__ import annotations

from collections.abc import AsyncIterator

from strawberry.extensions import SchemaExtension

from schema.acting import root_fields
from schema.context import GraphContext

SEVERAL = "several"
"""Stands for a document with more than one root field: their combinations have no end."""


class OperationIsNamed(SchemaExtension):
    """Tells the context before anything is executed."""

    async def on_execute(self) -> AsyncIterator[None]:
        """Tells it."""
        context = self.execution_context.context
        document = self.execution_context.graphql_document
        if isinstance(context, GraphContext) and document is not None:
            fields = root_fields(document, self.execution_context.operation_name)
            context.name_operation(fields[0] if len(fields) == 1 else SEVERAL)
        yield
