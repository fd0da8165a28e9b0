"""A document is paid for once it is found valid, before anything is executed."""

from __future__ import annotations

from collections.abc import AsyncIterator

from strawberry.extensions import SchemaExtension

from schema.context import GraphContext


class CostIsCharged(SchemaExtension):
    """One charge a request."""

    async def on_execute(self) -> AsyncIterator[None]:
        """Takes the cost. Raises BudgetSpent."""
        context = self.execution_context.context
        if isinstance(context, GraphContext):
            await context.budget.spend()
        yield
