"""Prices and tenants: set by the platform's own people."""

from __future__ import annotations

from domain.errors import NotFound
from domain.fees import FeeOverride, FeeTier
from domain.ids import Prefix, is_id
from domain.pricing_rules import CreateTenant, PriceTier, SetOverride
from domain.tenant import Tenant
from resolvers.context import Context


async def create_tier(context: Context, tier: PriceTier) -> FeeTier:
    """A new tier."""
    return await context.pricing.create_tier(context.caller.actor, tier)


async def update_tier(context: Context, tier_id: str, tier: PriceTier) -> FeeTier:
    """The tier at its new price. Raises NotFound."""
    _check_id(tier_id, Prefix.FEE_TIER)
    return await context.pricing.update_tier(context.caller.actor, tier_id, tier)


async def archive_tier(context: Context, tier_id: str) -> FeeTier:
    """The tier, no longer to be assigned. Raises NotFound and InvalidState."""
    _check_id(tier_id, Prefix.FEE_TIER)
    return await context.pricing.archive_tier(context.caller.actor, tier_id)


async def assign_tier(context: Context, tenant_id: str, tier_id: str) -> Tenant:
    """The tenant on its new tier. Raises NotFound and InvalidState."""
    _check_id(tenant_id, Prefix.TENANT)
    _check_id(tier_id, Prefix.FEE_TIER)
    return await context.pricing.assign_tier(context.caller.actor, tenant_id, tier_id)


async def set_override(context: Context, override: SetOverride) -> FeeOverride:
    """The tenant's own price. Raises NotFound and ValidationFailed."""
    _check_id(override.tenant_id, Prefix.TENANT)
    return await context.pricing.set_override(context.caller.actor, override)


async def end_override(context: Context, override_id: str) -> FeeOverride:
    """The override, ended. Raises NotFound."""
    _check_id(override_id, Prefix.FEE_OVERRIDE)
    return await context.pricing.end_override(context.caller.actor, override_id)


async def create_tenant(context: Context, tenant: CreateTenant) -> Tenant:
    """A new tenant. Raises ValidationFailed."""
    return await context.pricing.create_tenant(context.caller.actor, tenant)


def _check_id(text: str, prefix: Prefix) -> None:
    """An ID may be any text, also such that the database could not hold."""
    if not is_id(text, prefix):
        raise NotFound(text)
