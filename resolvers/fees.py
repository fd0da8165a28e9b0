"""Prices: fee tiers, a tenant's overrides, quotes."""

from __future__ import annotations

from collections.abc import Sequence

from domain.caller import Role
from domain.fees import FeeOverride, FeeQuote, FeeTier
from domain.ids import Prefix, is_id
from resolvers.access import effective_roles
from resolvers.context import Context


async def tiers(context: Context, *, include_archived: bool) -> Sequence[FeeTier]:
    """The platform's price lists."""
    return await context.reads.fee_tiers(include_archived=include_archived)


async def tiers_by_ids(context: Context, ids: Sequence[str]) -> list[FeeTier | None]:
    """The tiers with these ids, in this order, archived ones too: old terms name them."""
    found = {tier.id: tier for tier in await tiers(context, include_archived=True)}
    return [found.get(text) for text in ids]


async def overrides_by_ids(context: Context, ids: Sequence[str]) -> list[FeeOverride | None]:
    """The tenant's overrides with these ids, in this order."""
    wanted = [text for text in ids if is_id(text, Prefix.FEE_OVERRIDE)]
    found = await context.reads.fee_overrides(context.tenant_id, wanted) if wanted else {}
    return [found.get(text) for text in ids]


async def overrides(context: Context, tenant_id: str | None) -> Sequence[FeeOverride]:
    """The overrides of the tenant, newest first: of any, or of all, for the platform's people; of
    its own for a tenant, to which every other has none."""
    if Role.PLATFORM_ADMIN in effective_roles(context.caller):
        wanted = tenant_id or context.caller.tenant_id
        if wanted is not None and not is_id(wanted, Prefix.TENANT):
            return ()
        return await context.platform.overrides(wanted)
    if tenant_id not in {None, context.tenant_id}:
        return ()
    return await context.reads.fee_overrides_of(context.tenant_id)


async def quote(context: Context, amount: int, currency: str) -> FeeQuote:
    """What a payment of `amount` minor units would cost now. Raises ValidationFailed."""
    return await context.payments.quote(context.tenant_id, amount, currency)
