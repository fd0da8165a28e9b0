"""The inbox of webhook events: rows and domain objects, and the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from db.due_events import due_events
from db.payment_rows import payment_of
from db.statements import current_tenant, enter_tenant
from db.tables import gateways, payments, webhook_attempts, webhook_events
from domain.inbox import (
    WebhookAttempt,
    WebhookEvent,
    WebhookEventSource,
    WebhookEventStatus,
    lost_attempt,
)
from domain.payment import Payment
from domain.ports import Cipher
from domain.tenant import GatewayAccount, GatewayMode

_COLUMN = webhook_events.c
_FIND = select(webhook_events).where(_COLUMN.id == bindparam("of_id"))
# A worker whose lease ran out finds that another has counted one attempt more, or that the event
# has ended: what it wanted to write is no longer its to say.
_END = update(webhook_events).where(
    _COLUMN.id == bindparam("of_id"),
    _COLUMN.status == WebhookEventStatus.PROCESSING.value,
    _COLUMN.attempts == bindparam("of_attempts"),
)
_ADD_ATTEMPT = insert(webhook_attempts)


_IS_DUE = or_(
    _COLUMN.status == "RECEIVED",
    and_(_COLUMN.status == "RETRY", _COLUMN.next_attempt_at <= bindparam("now")),
    and_(_COLUMN.status == "PROCESSING", _COLUMN.lease_until <= bindparam("now")),
)


def _claim(before: CTE) -> ReturningUpdate[Any]:
    return (
        update(webhook_events)
        .where(_COLUMN.id == before.c.id)
        .values(
            status="PROCESSING",
            attempts=_COLUMN.attempts + 1,
            lease_until=bindparam("leased_until"),
            next_attempt_at=None,
        )
        .returning(
            webhook_events,
            before.c.status.label("status_before"),
            before.c.lease_until.label("lease_before"),
        )
    )


_CLAIM = _claim(
    select(_COLUMN.id, _COLUMN.status, _COLUMN.lease_until)
    .where(_COLUMN.id == bindparam("of_id"), _IS_DUE)
    .with_for_update(skip_locked=True)
    .cte("before")
)
_CLAIM_DUE = _claim(due_events())


def _event_of(row: Row[Any]) -> WebhookEvent:
    return WebhookEvent(
        id=row.id,
        gateway_id=row.gateway_id,
        livemode=row.livemode,
        event_id=row.event_id,
        event_type=row.event_type,
        api_version=row.api_version,
        account=row.account,
        payload=row.payload,
        status=WebhookEventStatus(row.status),
        created_at=row.created_at,
        attempts=row.attempts,
        tenant_id=row.tenant_id,
        payment_id=row.payment_id,
        error_message=row.error_message,
        next_attempt_at=row.next_attempt_at,
        lease_until=row.lease_until,
        processed_at=row.processed_at,
        attempts_before_replay=row.attempts_before_replay,
        replayed_at=row.replayed_at,
        replayed_by=row.replayed_by,
        source=WebhookEventSource(row.source),
    )


def _progress(event: WebhookEvent) -> Mapping[str, object]:
    return {
        "status": event.status.value,
        "tenant_id": event.tenant_id,
        "payment_id": event.payment_id,
        "error_message": event.error_message,
        "next_attempt_at": event.next_attempt_at,
        "lease_until": event.lease_until,
        "processed_at": event.processed_at,
    }


@dataclass(frozen=True, slots=True)
class SqlInboxStore:
    """Implements `domain.inbox_store.InboxStore`."""

    connection: AsyncConnection
    cipher: Cipher

    async def find(self, webhook_event_id: str) -> WebhookEvent | None:
        found = await self.connection.execute(_FIND, {"of_id": webhook_event_id})
        row = found.first()
        return None if row is None else _event_of(row)

    async def claim(
        self, webhook_event_id: str, now: datetime, lease_until: datetime
    ) -> WebhookEvent | None:
        claimed = await self.connection.execute(
            _CLAIM, {"of_id": webhook_event_id, "now": now, "leased_until": lease_until}
        )
        row = claimed.first()
        return None if row is None else await self._claimed(row)

    async def claim_due(
        self,
        now: datetime,
        lease_until: datetime,
        *,
        received_until: datetime,
        limit: int,
        held: Sequence[str] = (),
    ) -> Sequence[WebhookEvent]:
        claimed = await self.connection.execute(
            _CLAIM_DUE,
            {
                "now": now,
                "leased_until": lease_until,
                "received_until": received_until,
                "at_most": limit,
                "held": held,
            },
        )
        events = [await self._claimed(row) for row in claimed.all()]
        return sorted(events, key=lambda event: event.id)

    async def _claimed(self, row: Row[Any]) -> WebhookEvent:
        event = _event_of(row)
        if row.status_before == WebhookEventStatus.PROCESSING.value:
            before = replace(event, attempts=event.attempts - 1, lease_until=row.lease_before)
            await self.add_attempt(event.id, lost_attempt(before))
        return event

    async def end(self, event: WebhookEvent) -> bool:
        key = {"of_id": event.id, "of_attempts": event.attempts}
        ended = await self.connection.execute(_END, {**key, **_progress(event)})
        return ended.rowcount == 1

    async def add_attempt(self, webhook_event_id: str, attempt: WebhookAttempt) -> None:
        await self.connection.execute(
            _ADD_ATTEMPT,
            {
                "webhook_event_id": webhook_event_id,
                "number": attempt.number,
                "started_at": attempt.started_at,
                "duration_ms": attempt.duration_ms,
                "outcome": attempt.outcome.value,
                "error_message": attempt.error,
                "is_manual": attempt.is_manual,
            },
        )

    async def find_payment(
        self,
        gateway: GatewayAccount,
        gateway_payment_id: str | None,
        gateway_charge_id: str | None,
        payment_id: str | None,
    ) -> Payment | None:
        named = _Named(gateway_payment_id, gateway_charge_id, payment_id)
        if not any(named):
            return None
        await self.connection.execute(_enter_tenant(gateway, named))
        found = await self.connection.execute(_find_payment(gateway, named))
        row = found.first()
        return None if row is None else payment_of(row, self.cipher)


class _Named(NamedTuple):
    """The ids by which an event names a payment, the surest first."""

    gateway_payment_id: str | None
    gateway_charge_id: str | None
    payment_id: str | None


def _enter_tenant(gateway: GatewayAccount, named: _Named) -> Select[Any]:
    """Makes the transaction that of the tenant whose payment it may be: the row's own tenant, or
    for the platform's row the one that the payment's ids lead to. Unless it is a tenant's already.
    """
    if gateway.tenant_id is not None:
        return enter_tenant(literal(gateway.tenant_id))
    return enter_tenant(func.tenant_of_platform_payment(gateway.gateway_type.value, *named))


def _find_payment(gateway: GatewayAccount, named: _Named) -> Select[Any]:
    columns = (payments.c.gateway_payment_id, payments.c.gateway_charge_id, payments.c.id)
    ways = [column == name for column, name in zip(columns, named, strict=True) if name is not None]
    return (
        select(payments)
        .where(_within_reach(gateway), or_(*ways))
        .order_by(*(way.desc().nulls_last() for way in ways))
        .limit(1)
    )


def _within_reach(gateway: GatewayAccount) -> ColumnElement[bool]:
    """The payments that events of this gateway row may speak of: its own; for the platform's row,
    those paid through the platform's account, of the tenant that was entered."""
    if gateway.tenant_id is not None:
        return and_(payments.c.tenant_id == gateway.tenant_id, payments.c.gateway_id == gateway.id)
    through_platform = select(gateways.c.id).where(
        gateways.c.tenant_id == payments.c.tenant_id,
        gateways.c.mode == GatewayMode.PLATFORM.value,
        gateways.c.gateway_type == gateway.gateway_type.value,
    )
    return and_(
        payments.c.tenant_id == current_tenant(), payments.c.gateway_id.in_(through_platform)
    )
