"""The secrets of tenants' own webhook endpoints: found by the endpoint, renewed with an overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from db.statements import current_tenant, enter_tenant
from db.tables import endpoint_secrets, tenants
from db.tenant_rows import WEBHOOK_SECRET
from domain.endpoint_secrets import OVERLAP, SECRETS_MAX, EndpointSecret
from domain.gateway_profile import GatewayProfile, hint
from domain.ids import Prefix, new_id
from domain.ports import Cipher

_SECRET = endpoint_secrets.c
_IN_FORCE = (
    select(_SECRET.tenant_id, _SECRET.secret, _SECRET.expires_at)
    .join(tenants, tenants.c.id == current_tenant())
    .where(
        _SECRET.tenant_id == current_tenant(),
        _SECRET.gateway_id == bindparam("of_gateway_id"),
        or_(_SECRET.expires_at.is_(None), _SECRET.expires_at > bindparam("now")),
        tenants.c.is_active,
        tenants.c.id == current_tenant(),
    )
    .order_by(_SECRET.id.desc())
    .limit(SECRETS_MAX)
)
_EXPIRE = (
    update(endpoint_secrets)
    .where(
        _SECRET.tenant_id == bindparam("of_tenant_id"),
        _SECRET.gateway_id == bindparam("of_gateway_id"),
        _SECRET.expires_at.is_(None),
    )
    .values(expires_at=bindparam("ends_at"))
)
_ADD = insert(endpoint_secrets)


@dataclass(frozen=True, slots=True)
class SqlEndpointSecretStore:
    """Implements `domain.endpoint_secrets.EndpointSecretStore`."""

    connection: AsyncConnection
    cipher: Cipher

    async def of_gateway(self, gateway_id: str, now: datetime) -> Sequence[EndpointSecret]:
        await self.connection.execute(enter_tenant(func.tenant_of_endpoint(gateway_id)))
        found = await self.connection.execute(_IN_FORCE, {"of_gateway_id": gateway_id, "now": now})
        opened = (
            (WEBHOOK_SECRET.read(self.cipher, row.tenant_id, gateway_id, row.secret), row)
            for row in found
        )
        return [
            EndpointSecret(str(value[WEBHOOK_SECRET.column]), row.expires_at)
            for value, row in opened
            if value is not None
        ]


async def renew(
    connection: AsyncConnection, cipher: Cipher, profile: GatewayProfile, secret: str
) -> None:
    """Makes this the row's secret, from the time at which the row is changed; the one before ends
    OVERLAP later."""
    now = profile.updated_at
    key = {"of_tenant_id": profile.tenant_id, "of_gateway_id": profile.id}
    await connection.execute(_EXPIRE, {**key, "ends_at": now + OVERLAP})
    value = {WEBHOOK_SECRET.column: secret}
    await connection.execute(
        _ADD,
        {
            "tenant_id": profile.tenant_id,
            "id": new_id(Prefix.ENDPOINT_SECRET),
            "gateway_id": profile.id,
            "secret": WEBHOOK_SECRET.seal(cipher, profile.tenant_id, profile.id, value),
            "hint": hint(secret),
            "created_at": now,
            "expires_at": None,
        },
    )
