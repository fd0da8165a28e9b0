"""Tenants: a caller sees its own, the platform's people all."""

from __future__ import annotations

from collections.abc import Sequence

from domain.caller import Role
from domain.reports import Page, PageRequest
from domain.tenant import Tenant
from resolvers.access import effective_roles
from resolvers.context import Context


async def by_ids(context: Context, ids: Sequence[str]) -> list[Tenant | None]:
    """The caller's own tenant where it is asked for, None for any other id."""
    own = context.caller.tenant_id
    tenant = await context.reads.tenant(own) if own is not None and own in ids else None
    return [tenant if text == own else None for text in ids]


async def any_by_ids(context: Context, ids: Sequence[str]) -> list[Tenant | None]:
    """The tenants that objects of the platform's people belong to; for others, their own."""
    if Role.PLATFORM_ADMIN not in effective_roles(context.caller):
        return await by_ids(context, ids)
    found = {tenant.id: tenant for tenant in await context.platform.tenants_by_ids(ids)}
    return [found.get(text) for text in ids]


async def page(context: Context, request: PageRequest) -> Page[Tenant]:
    """One slice of all tenants, newest first."""
    return await context.platform.tenant_page(request)


async def count(context: Context) -> int | None:
    """How many tenants there are; None when there are too many to count."""
    return await context.platform.tenant_count()
