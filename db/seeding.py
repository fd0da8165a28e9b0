"""A tenant with all it needs to be paid through the platform's account."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Insert, literal, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import connected
from db.tables import fee_tiers, gateways, tenants
from db.tenant_rows import gateway_of, tenant_of
from domain.errors import NotFound
from domain.ids import Prefix, new_id
from domain.payment import GatewayType
from domain.tenant import GatewayAccount, Tenant


async def add_tenant(
    engine: AsyncEngine,
    *,
    name: str,
    slug: str,
    tier_level: int,
    default_currency: str,
    livemode: bool = False,
) -> tuple[Tenant, GatewayAccount]:
    """The tenant with this slug and its enabled gateway row, both made where they are missing. A
    tenant that is there stays as it is, whatever else is asked for.

    Raises NotFound when no tier in use has this level.
    """
    async with connected(engine) as connection:
        await connection.execute(_new_tenant(name, slug, tier_level, default_currency))
        row = (await connection.execute(select(tenants).where(tenants.c.slug == slug))).first()
        if row is None:
            raise NotFound(f"tier of level {tier_level}")
        tenant = tenant_of(row)
        await connection.execute(platform_gateway(tenant, livemode=livemode))
        enabled = await connection.execute(
            select(gateways).where(
                gateways.c.tenant_id == tenant.id,
                gateways.c.gateway_type == GatewayType.STRIPE.value,
                gateways.c.is_enabled,
            )
        )
        account = gateway_of(enabled.one(), None)
        await connection.commit()
    return tenant, account


def _new_tenant(name: str, slug: str, tier_level: int, default_currency: str) -> Insert:
    values = {
        "id": literal(new_id(Prefix.TENANT)),
        "name": literal(name),
        "slug": literal(slug),
        "fee_tier_id": fee_tiers.c.id,
        "default_currency": literal(default_currency),
        "is_active": true(),
        "created_at": literal(datetime.now(UTC)),
    }
    tier = select(*values.values()).where(fee_tiers.c.level == tier_level, ~fee_tiers.c.is_archived)
    return (
        insert(tenants)
        .from_select(list(values), tier)
        .on_conflict_do_nothing(index_elements=["slug"])
    )


def platform_gateway(tenant: Tenant, *, livemode: bool) -> Insert:
    """The tenant's row in mode PLATFORM, on the terms of the platform's own row."""
    now = literal(datetime.now(UTC))
    values = {
        "id": literal(new_id(Prefix.GATEWAY)),
        "tenant_id": literal(tenant.id),
        "gateway_type": gateways.c.gateway_type,
        "mode": gateways.c.mode,
        "livemode": gateways.c.livemode,
        "is_enabled": gateways.c.is_enabled,
        "fee_basis_points": gateways.c.fee_basis_points,
        "fee_fixed_cents": gateways.c.fee_fixed_cents,
        "created_at": now,
        "updated_at": now,
    }
    platform = select(*values.values()).where(
        gateways.c.tenant_id.is_(None),
        gateways.c.gateway_type == GatewayType.STRIPE.value,
        gateways.c.livemode == literal(livemode),
    )
    return insert(gateways).from_select(list(values), platform).on_conflict_do_nothing()
