"""Tenants: a caller sees its own."""

from __future__ import annotations

from collections.abc import Sequence

from domain.tenant import Tenant
from resolvers.context import Context


async def by_ids(context: Context, ids: Sequence[str]) -> list[Tenant | None]:
    """The caller's own tenant where it is asked for, None for any other id."""
    own = context.caller.tenant_id
    tenant = await context.reads.tenant(own) if own is not None and own in ids else None
    return [tenant if text == own else None for text in ids]
