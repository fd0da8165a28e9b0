"""The store of a tenant's gateway accounts, as its administrator changes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, case, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from db.endpoint_secrets import renew
from db.sealed import SealedColumn
from db.statements import ID, TENANT, of_key
from db.tables import endpoint_secrets, gateways, webhook_events
from db.tenant_rows import SECRET_KEY, WEBHOOK_SECRET
from domain.errors import NotFound
from domain.fees import GatewayFeeSchedule
from domain.gateway_profile import AccountTaken, GatewayProfile, GatewaySecrets
from domain.payment import GatewayType
from domain.ports import Cipher
from domain.tenant import GatewayMode

_COLUMN = gateways.c
_ACCOUNT_RULES = ("uq_tenant_payment_gateways_account", "ex_tenant_payment_gateways_account")
_LOCK = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("of_name"), 0)))
_ADD = insert(gateways)
_SECRETS = (
    select(_COLUMN.secret_key, endpoint_secrets.c.secret)
    .outerjoin(
        endpoint_secrets,
        and_(
            endpoint_secrets.c.tenant_id == _COLUMN.tenant_id,
            endpoint_secrets.c.tenant_id == bindparam(TENANT),
            endpoint_secrets.c.gateway_id == _COLUMN.id,
            endpoint_secrets.c.expires_at.is_(None),
        ),
    )
    .where(_COLUMN.tenant_id == bindparam(TENANT), _COLUMN.id == bindparam(ID))
)
_SAVE = update(gateways).where(_COLUMN.tenant_id == bindparam(TENANT), _COLUMN.id == bindparam(ID))

_SWITCH_OFF = (
    update(gateways)
    .where(_COLUMN.tenant_id == bindparam(TENANT), _COLUMN.id == bindparam(ID))
    .values(is_enabled=False, updated_at=bindparam("of_at"))
)


def _of_tenant() -> Select[Any]:
    # The platform's endpoint hears the events of every tenant in mode PLATFORM.
    platform = gateways.alias("platform")
    heard_by = (
        select(platform.c.id)
        .where(
            platform.c.tenant_id.is_(None),
            platform.c.gateway_type == _COLUMN.gateway_type,
            platform.c.livemode == _COLUMN.livemode,
        )
        .correlate(gateways)
        .scalar_subquery()
    )
    last = (
        select(webhook_events.c.created_at)
        .where(
            webhook_events.c.tenant_id == _COLUMN.tenant_id,
            webhook_events.c.gateway_id
            == case((_COLUMN.mode == GatewayMode.PLATFORM.value, heard_by), else_=_COLUMN.id),
        )
        .order_by(webhook_events.c.id.desc())
        .limit(1)
        .correlate(gateways)
        .scalar_subquery()
    )
    hint = (
        select(endpoint_secrets.c.hint)
        .where(
            endpoint_secrets.c.tenant_id == _COLUMN.tenant_id,
            endpoint_secrets.c.gateway_id == _COLUMN.id,
            endpoint_secrets.c.expires_at.is_(None),
        )
        .correlate(gateways)
        .scalar_subquery()
    )
    return (
        select(gateways, last.label("last_webhook_at"), hint.label("webhook_secret_hint"))
        .where(_COLUMN.tenant_id == bindparam(TENANT))
        .order_by(_COLUMN.id)
    )


_OF_TENANT = _of_tenant()


def _profile_of(row: Row[Any]) -> GatewayProfile:
    return GatewayProfile(
        id=row.id,
        tenant_id=row.tenant_id,
        gateway_type=GatewayType(row.gateway_type),
        mode=GatewayMode(row.mode),
        livemode=row.livemode,
        is_enabled=row.is_enabled,
        fee_schedule=GatewayFeeSchedule(row.fee_basis_points, row.fee_fixed_cents),
        created_at=row.created_at,
        updated_at=row.updated_at,
        account_id=row.account_id,
        key_account_id=row.key_account_id,
        secret_key_hint=row.secret_key_hint,
        webhook_secret_hint=row.webhook_secret_hint,
        last_webhook_at=row.last_webhook_at,
    )


def _columns(profile: GatewayProfile) -> Mapping[str, object]:
    return {
        "gateway_type": profile.gateway_type.value,
        "mode": profile.mode.value,
        "livemode": profile.livemode,
        "is_enabled": profile.is_enabled,
        "fee_basis_points": profile.fee_schedule.basis_points,
        "fee_fixed_cents": profile.fee_schedule.fixed_fee,
        "account_id": profile.account_id,
        "key_account_id": profile.key_account_id,
        "secret_key_hint": profile.secret_key_hint,
        "created_at": profile.created_at,
        "updated_at": profile.updated_at,
    }


@contextmanager
def _taken(profile: GatewayProfile) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if any(rule in str(error.orig) for rule in _ACCOUNT_RULES):
            raise AccountTaken(profile.id) from error
        raise


@dataclass(frozen=True, slots=True)
class SqlGatewayStore:
    """Implements `domain.gateway_profile.GatewayStore`."""

    connection: AsyncConnection
    cipher: Cipher

    async def lock_all(self, tenant_id: str, gateway_type: GatewayType) -> None:
        # By name, not by row: the first row of a tenant has no row to lock before it.
        name = f"gateways|{tenant_id}|{gateway_type.value}"
        await self.connection.execute(_LOCK, {"of_name": name})

    async def of_tenant(self, tenant_id: str) -> Sequence[GatewayProfile]:
        found = await self.connection.execute(_OF_TENANT, {TENANT: tenant_id})
        return [_profile_of(row) for row in found]

    async def secrets(self, tenant_id: str, gateway_id: str) -> GatewaySecrets:
        found = await self.connection.execute(_SECRETS, of_key(tenant_id, gateway_id))
        row = found.one_or_none()
        if row is None:
            raise NotFound(gateway_id)
        return GatewaySecrets(
            self._opened(SECRET_KEY, tenant_id, gateway_id, row.secret_key),
            self._opened(WEBHOOK_SECRET, tenant_id, gateway_id, row.secret),
        )

    async def add(self, profile: GatewayProfile, secrets: GatewaySecrets) -> None:
        row = {"tenant_id": profile.tenant_id, "id": profile.id, **_columns(profile)}
        with _taken(profile):
            await self.connection.execute(_ADD, row | self._sealed(profile, secrets))
        await self._renew(profile, secrets)

    async def save(self, profile: GatewayProfile, secrets: GatewaySecrets) -> None:
        key = of_key(profile.tenant_id, profile.id)
        values = {**key, **_columns(profile), **self._sealed(profile, secrets)}
        with _taken(profile):
            saved = await self.connection.execute(_SAVE, values)
        if saved.rowcount == 0:
            raise NotFound(profile.id)
        await self._renew(profile, secrets)

    async def _renew(self, profile: GatewayProfile, secrets: GatewaySecrets) -> None:
        if secrets.webhook_secret is not None:
            await renew(self.connection, self.cipher, profile, secrets.webhook_secret)

    async def switch_off(self, tenant_id: str, gateway_id: str, at: datetime) -> None:
        await self.connection.execute(_SWITCH_OFF, {**of_key(tenant_id, gateway_id), "of_at": at})

    def _opened(
        self, at: SealedColumn, tenant_id: str, gateway_id: str, blob: bytes | None
    ) -> str | None:
        opened = None if blob is None else at.read(self.cipher, tenant_id, gateway_id, blob)
        return None if opened is None else str(opened[at.column])

    def _sealed(self, profile: GatewayProfile, secrets: GatewaySecrets) -> dict[str, object]:
        if secrets.secret_key is None:
            return {}
        value = {SECRET_KEY.column: secrets.secret_key}
        blob = SECRET_KEY.seal(self.cipher, profile.tenant_id, profile.id, value)
        return {SECRET_KEY.column: blob}
