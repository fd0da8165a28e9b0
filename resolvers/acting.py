"""The platform's own people within a tenant."""

from __future__ import annotations

from resolvers.context import Context


async def record(context: Context, operation: str) -> None:
    """Audits the request where it acts in a tenant for the platform; else nothing."""
    if context.caller.reason is not None:
        await context.acting.record(
            context.caller.actor,
            context.tenant_id,
            reason=context.caller.reason,
            operation=operation,
        )
