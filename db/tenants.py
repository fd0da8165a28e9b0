"""The store of tenants, their gateway accounts and what they pay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from db.statements import enter_tenant
from db.tables import fee_overrides, fee_tiers, gateways, tenants
from db.tenant_rows import gateway_of, tenant_of, tier_of
from domain.errors import NotFound
from domain.fees import FeeOverride, FeeTier
from domain.payment import GatewayType
from domain.ports import Cipher
from domain.tenant import GatewayAccount, Tenant

FIND_TENANT = select(tenants).where(tenants.c.id == bindparam("of_id"))
_GATEWAY = select(gateways).where(
    gateways.c.tenant_id == bindparam("of_tenant_id"),
    gateways.c.gateway_type == bindparam("of_type"),
    gateways.c.is_enabled,
)
_GATEWAY_BY_ID = select(gateways).where(gateways.c.id == bindparam("of_id"))
_GATEWAY_BY_ACCOUNT = select(gateways).where(
    gateways.c.account_id == bindparam("of_account"),
    gateways.c.livemode == bindparam("of_livemode"),
)
_PLATFORM_GATEWAY = select(gateways).where(
    gateways.c.tenant_id.is_(None),
    gateways.c.gateway_type == bindparam("of_type"),
    gateways.c.livemode == bindparam("of_livemode"),
)
_IN_FORCE = and_(
    fee_overrides.c.tenant_id == tenants.c.id,
    fee_overrides.c.effective_from <= bindparam("at"),
    or_(
        fee_overrides.c.effective_until.is_(None),
        fee_overrides.c.effective_until > bindparam("at"),
    ),
)
_FEE_SOURCE = (
    select(fee_tiers, *(column.label(f"override_{column.name}") for column in fee_overrides.c))
    .select_from(tenants)
    .join(fee_tiers, fee_tiers.c.id == tenants.c.fee_tier_id)
    .outerjoin(fee_overrides, _IN_FORCE)
    .where(tenants.c.id == bindparam("of_id"))
)


@dataclass(frozen=True, slots=True)
class SqlTenantStore:
    """Implements `domain.ports.TenantStore`."""

    connection: AsyncConnection
    cipher: Cipher

    async def find(self, tenant_id: str) -> Tenant | None:
        found = await self.connection.execute(FIND_TENANT, {"of_id": tenant_id})
        row = found.first()
        return None if row is None else tenant_of(row)

    async def gateway(self, tenant_id: str, gateway_type: GatewayType) -> GatewayAccount | None:
        return await self._account(
            _GATEWAY, {"of_tenant_id": tenant_id, "of_type": gateway_type.value}
        )

    async def gateway_by_id(self, gateway_id: str) -> GatewayAccount | None:
        return await self._account(_GATEWAY_BY_ID, {"of_id": gateway_id})

    async def gateway_by_account(self, account_id: str, *, livemode: bool) -> GatewayAccount | None:
        await self.connection.execute(
            enter_tenant(func.tenant_of_account(account_id, literal(livemode)))
        )
        return await self._account(
            _GATEWAY_BY_ACCOUNT, {"of_account": account_id, "of_livemode": livemode}
        )

    async def platform_gateway(
        self, gateway_type: GatewayType, *, livemode: bool
    ) -> GatewayAccount:
        account = await self._account(
            _PLATFORM_GATEWAY, {"of_type": gateway_type.value, "of_livemode": livemode}
        )
        if account is None:
            raise NotFound(gateway_type.value)
        return account

    async def fee_source(self, tenant_id: str, at: datetime) -> tuple[FeeTier, FeeOverride | None]:
        found = await self.connection.execute(_FEE_SOURCE, {"of_id": tenant_id, "at": at})
        row = found.first()
        if row is None:
            raise NotFound(tenant_id)
        return tier_of(row), _override_beside(row)

    async def _account(
        self, statement: Select[Any], parameters: Mapping[str, object]
    ) -> GatewayAccount | None:
        found = await self.connection.execute(statement, parameters)
        row = found.first()
        return None if row is None else gateway_of(row, self.cipher)


def _override_beside(row: Row[Any]) -> FeeOverride | None:
    if row.override_id is None:
        return None
    return FeeOverride(
        id=row.override_id,
        tenant_id=row.override_tenant_id,
        basis_points=row.override_basis_points,
        fixed_fees=row.override_fixed_fees,
        reason=row.override_reason,
        created_by=row.override_created_by,
        effective_from=row.override_effective_from,
        effective_until=row.override_effective_until,
    )
