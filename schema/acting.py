"""Requests in which the platform's people act within a tenant are audited before they run."""

from __future__ import annotations

from collections.abc import AsyncIterator

from strawberry.extensions import SchemaExtension

from resolvers import acting
from schema.context import GraphContext


class ActingIsAudited(SchemaExtension):
    """One entry a request, once its document is found valid; without it nothing is executed."""

    async def on_execute(self) -> AsyncIterator[None]:
        """Writes the entry. Raises DatabaseUnavailable."""
        context = self.execution_context.context
        if isinstance(context, GraphContext):
            await acting.record(context.base, self.execution_context.operation_name)
        yield
