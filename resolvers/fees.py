"""Prices: fee tiers, a tenant's overrides, quotes."""

from __future__ import annotations

from collections.abc import Sequence

from domain.fees import FeeOverride, FeeQuote, FeeTier
from domain.ids import Prefix, is_id
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


async def quote(context: Context, amount: int, currency: str) -> FeeQuote:
    """What a payment of `amount` minor units would cost now. Raises ValidationFailed."""
    return await context.payments.quote(context.tenant_id, amount, currency)
