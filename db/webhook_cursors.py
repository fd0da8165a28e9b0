"""The store of how far the gateway's lists of events were walked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    DateTime,
    Row,
    bindparam,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from db.gateway_accounts import IS_ACCOUNT
from db.statements import TENANT
from db.tables import gateways, payments, webhook_cursors, webhook_events
from domain.webhook_cursors import WebhookCursor

_COLUMN = webhook_cursors.c
_GATEWAY = gateways.c
_NOW = bindparam("now", type_=DateTime(timezone=True))
_OLDEST = bindparam("oldest", type_=DateTime(timezone=True))

_BEGIN = func.greatest(_GATEWAY.created_at, _OLDEST)
_WITHOUT_CURSOR = select(
    _GATEWAY.id.label("gateway_id"), _BEGIN.label("listed_until"), _BEGIN.label("resume_at")
).where(
    _GATEWAY.livemode == bindparam("of_livemode"),
    IS_ACCOUNT,
    ~exists().where(_COLUMN.gateway_id == _GATEWAY.id),
)
_ADD = insert(webhook_cursors).on_conflict_do_nothing()
_FREE = (
    select(_COLUMN.gateway_id)
    .where(
        _COLUMN.due_at <= bindparam("due_until"),
        or_(_COLUMN.lease_until.is_(None), _COLUMN.lease_until <= _NOW),
        exists().where(
            _GATEWAY.id == _COLUMN.gateway_id, _GATEWAY.livemode == bindparam("of_livemode")
        ),
    )
    .order_by(_COLUMN.due_at, _COLUMN.gateway_id)
    .limit(1)
    .with_for_update(skip_locked=True, of=webhook_cursors)
)
_CLAIM = (
    update(webhook_cursors)
    .where(
        _COLUMN.gateway_id == _FREE.scalar_subquery(),
        _GATEWAY.id == _COLUMN.gateway_id,
    )
    .values(lease_until=bindparam("leased_until"))
    .returning(
        webhook_cursors,
        _GATEWAY.created_at.label("listed_from"),
        func.coalesce(_GATEWAY.account_id, _GATEWAY.key_account_id).label("account_id"),
    )
)
_SAVE = update(webhook_cursors).where(
    _COLUMN.gateway_id == bindparam("of_gateway_id"), _COLUMN.lease_until == bindparam("held_until")
)
_HAS_PAYMENTS = select(
    exists().where(
        payments.c.tenant_id == bindparam(TENANT), payments.c.gateway_id == bindparam("of_gateway")
    )
)
_KNOWN = select(webhook_events.c.event_id).where(
    webhook_events.c.gateway_id == bindparam("of_gateway"),
    webhook_events.c.livemode == bindparam("of_livemode"),
    webhook_events.c.event_id.in_(bindparam("of_event_ids", expanding=True)),
)


def _cursor_of(row: Row[Any]) -> WebhookCursor:
    return WebhookCursor(
        gateway_id=row.gateway_id,
        listed_from=row.listed_from,
        listed_until=row.listed_until,
        resume_at=row.resume_at,
        due_at=row.due_at,
        account_id=row.account_id,
        lease_until=row.lease_until,
        missed=row.missed,
        failures=row.failures,
        walked_at=row.walked_at,
        error_message=row.error_message,
    )


def _columns(cursor: WebhookCursor) -> Mapping[str, object]:
    return {
        "listed_until": cursor.listed_until,
        "resume_at": cursor.resume_at,
        "due_at": cursor.due_at,
        "lease_until": cursor.lease_until,
        "missed": cursor.missed,
        "failures": cursor.failures,
        "walked_at": cursor.walked_at,
        "error_message": cursor.error_message,
    }


@dataclass(frozen=True, slots=True)
class SqlWebhookCursorStore:
    """Implements `domain.webhook_cursors.WebhookCursorStore`."""

    connection: AsyncConnection

    async def add_missing(self, now: datetime, *, oldest: datetime, livemode: bool) -> None:
        asked = {"oldest": oldest, "of_livemode": livemode}
        found = await self.connection.execute(_WITHOUT_CURSOR, asked)
        begun = {"due_at": now, "missed": 0, "failures": 0}
        rows = [{**row._mapping, **begun} for row in found]
        if rows:
            await self.connection.execute(_ADD, rows)

    async def claim(
        self, now: datetime, *, due_until: datetime, lease_until: datetime, livemode: bool
    ) -> WebhookCursor | None:
        claimed = await self.connection.execute(
            _CLAIM,
            {
                "now": now,
                "due_until": due_until,
                "leased_until": lease_until,
                "of_livemode": livemode,
            },
        )
        row = claimed.first()
        return None if row is None else _cursor_of(row)

    async def save(self, cursor: WebhookCursor, *, lease: datetime | None) -> bool:
        held = {"of_gateway_id": cursor.gateway_id, "held_until": lease}
        saved = await self.connection.execute(_SAVE, {**held, **_columns(cursor)})
        return saved.rowcount == 1

    async def has_payments(self, tenant_id: str, gateway_id: str) -> bool:
        asked = {TENANT: tenant_id, "of_gateway": gateway_id}
        return bool((await self.connection.execute(_HAS_PAYMENTS, asked)).scalar_one())

    async def known(
        self, gateway_id: str, event_ids: Sequence[str], *, livemode: bool
    ) -> frozenset[str]:
        found = await self.connection.execute(
            _KNOWN,
            {
                "of_gateway": gateway_id,
                "of_livemode": livemode,
                "of_event_ids": list(event_ids),
            },
        )
        return frozenset(found.scalars())
