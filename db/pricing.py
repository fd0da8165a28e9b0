"""Prices and tenants as the platform's own people write them, in the role `tollgate_platform`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.audit import SqlAuditStore
from db.seeding import platform_gateway
from db.tables import fee_overrides, fee_tiers, tenants
from db.tenant_rows import override_of, tenant_of, tier_of
from db.transactions import begun, commit, on_own_terms
from domain.errors import NotFound
from domain.fees import FeeOverride, FeeTier
from domain.pricing_ports import LevelTaken, PeriodTaken, SlugTaken
from domain.tenant import Tenant

_TIER, _TENANT, _OVERRIDE = fee_tiers.c, tenants.c, fee_overrides.c
# FOR NO KEY UPDATE: who changes a price waits for another who does, and nobody waits who makes an
# order of the tenant, or a tenant on the tier.
_LOCK_TIER = select(fee_tiers).where(_TIER.id == bindparam("of_id")).with_for_update(key_share=True)
_LOCK_DEFAULT = select(fee_tiers).where(_TIER.is_default).with_for_update(read=True)
_LOCK_TENANT = (
    select(tenants).where(_TENANT.id == bindparam("of_id")).with_for_update(key_share=True)
)
_FIND_OVERRIDE = select(fee_overrides).where(_OVERRIDE.id == bindparam("of_id"))
_COUNT_TENANTS = select(func.count()).where(_TENANT.fee_tier_id == bindparam("of_id"))
_SAVE_TIER = update(fee_tiers).where(_TIER.id == bindparam("of_id"))
_END = update(fee_overrides).where(_OVERRIDE.id == bindparam("of_id"))
_ASSIGN = update(tenants).where(_TENANT.id == bindparam("of_id"))


@contextmanager
def _unless(rule: str, taken: type[Exception]) -> Iterator[None]:
    """Raises `taken` where the database refuses by this rule."""
    try:
        yield
    except IntegrityError as error:
        if rule in str(error.orig):
            raise taken from error
        raise


@dataclass(frozen=True, slots=True)
class SqlTierStore:
    """Implements `domain.pricing_ports.TierStore`."""

    connection: AsyncConnection

    async def lock(self, tier_id: str) -> FeeTier:
        row = (await self.connection.execute(_LOCK_TIER, {"of_id": tier_id})).first()
        if row is None:
            raise NotFound(tier_id)
        return tier_of(row)

    async def default(self) -> FeeTier:
        return tier_of((await self.connection.execute(_LOCK_DEFAULT)).one())

    async def add(self, tier: FeeTier) -> None:
        with _unless("uq_platform_fee_tiers_level", LevelTaken):
            await self.connection.execute(insert(fee_tiers), {"id": tier.id, **_columns(tier)})

    async def save(self, tier: FeeTier) -> None:
        with _unless("uq_platform_fee_tiers_level", LevelTaken):
            await self.connection.execute(_SAVE_TIER, {"of_id": tier.id, **_columns(tier)})

    async def count_tenants(self, tier_id: str) -> int:
        return int(await self.connection.scalar(_COUNT_TENANTS, {"of_id": tier_id}) or 0)


def _columns(tier: FeeTier) -> Mapping[str, object]:
    return {
        "name": tier.name,
        "level": tier.level,
        "basis_points": tier.basis_points,
        "fixed_fees": dict(tier.fixed_fees),
        "description": tier.description,
        "refund_policy": tier.refund_policy.value,
        "is_default": tier.is_default,
        "is_archived": tier.is_archived,
    }


@dataclass(frozen=True, slots=True)
class SqlOverrideStore:
    """Implements `domain.pricing_ports.OverrideStore`."""

    connection: AsyncConnection

    async def find(self, override_id: str) -> FeeOverride:
        row = (await self.connection.execute(_FIND_OVERRIDE, {"of_id": override_id})).first()
        if row is None:
            raise NotFound(override_id)
        return override_of(row)

    async def add(self, override: FeeOverride) -> None:
        columns = {
            "tenant_id": override.tenant_id,
            "id": override.id,
            "basis_points": override.basis_points,
            "fixed_fees": dict(override.fixed_fees),
            "reason": override.reason,
            "created_by": override.created_by,
            "effective_from": override.effective_from,
            "effective_until": override.effective_until,
        }
        with _unless("ex_platform_fee_overrides_period", PeriodTaken):
            await self.connection.execute(insert(fee_overrides), columns)

    async def end(self, override: FeeOverride, at: datetime) -> None:
        await self.connection.execute(_END, {"of_id": override.id, "effective_until": at})


@dataclass(frozen=True, slots=True)
class SqlPricedTenantStore:
    """Implements `domain.pricing_ports.PricedTenantStore`."""

    connection: AsyncConnection

    async def lock(self, tenant_id: str) -> Tenant:
        row = (await self.connection.execute(_LOCK_TENANT, {"of_id": tenant_id})).first()
        if row is None:
            raise NotFound(tenant_id)
        return tenant_of(row)

    async def add(self, tenant: Tenant, *, livemode: bool) -> None:
        columns = {
            "id": tenant.id,
            "name": tenant.name,
            "slug": tenant.slug,
            "fee_tier_id": tenant.fee_tier_id,
            "default_currency": tenant.default_currency,
            "is_active": tenant.is_active,
            "created_at": tenant.created_at,
        }
        with _unless("uq_tenants_slug", SlugTaken):
            await self.connection.execute(insert(tenants), columns)
        await self.connection.execute(platform_gateway(tenant, livemode=livemode))

    async def assign(self, tenant_id: str, tier_id: str) -> None:
        await self.connection.execute(_ASSIGN, {"of_id": tenant_id, "fee_tier_id": tier_id})


class SqlPricingWork:
    """Implements `domain.pricing_ports.PricingWork`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.tiers = SqlTierStore(connection)
        self.overrides = SqlOverrideStore(connection)
        self.tenants = SqlPricedTenantStore(connection)
        self.audit = SqlAuditStore(connection)

    async def commit(self) -> None:
        await commit(self._connection)


class SqlPricingDatabase:
    """Implements `domain.pricing_ports.PricingDatabase`. `engine` has the platform's role."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = on_own_terms(engine)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlPricingWork]:
        """A transaction that sees every tenant."""
        async with begun(self._engine, None) as connection:
            yield SqlPricingWork(connection)
