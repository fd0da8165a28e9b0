"""Events of the inbox as readers see them: their columns, readers' conditions, a row's object."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, or_, text

from db.filters import among, within
from db.tables import webhook_events
from domain.inbox import WebhookAttempt, WebhookEventStatus
from domain.inbox_reading import EventFilter, EventRecord

_COLUMN = webhook_events.c

HAS_PAYLOAD: ColumnElement[bool] = _COLUMN.payload != text("'{}'::jsonb")
"""Whether there is something to work off."""

COLUMNS = (
    _COLUMN.id,
    _COLUMN.gateway_id,
    _COLUMN.livemode,
    _COLUMN.event_id,
    _COLUMN.event_type,
    _COLUMN.api_version,
    _COLUMN.account,
    HAS_PAYLOAD.label("has_payload"),
    _COLUMN.status,
    _COLUMN.attempts,
    _COLUMN.tenant_id,
    _COLUMN.payment_id,
    _COLUMN.error_message,
    _COLUMN.next_attempt_at,
    _COLUMN.processed_at,
    _COLUMN.replayed_at,
    _COLUMN.replayed_by,
    _COLUMN.created_at,
)
"""What an `EventRecord` is made of."""


def record_of(row: Row[Any]) -> EventRecord:
    """The event in a row of COLUMNS."""
    return EventRecord(
        id=row.id,
        gateway_id=row.gateway_id,
        livemode=row.livemode,
        event_id=row.event_id,
        event_type=row.event_type,
        api_version=row.api_version,
        account=row.account,
        has_payload=row.has_payload,
        status=WebhookEventStatus(row.status),
        attempts=row.attempts,
        tenant_id=row.tenant_id,
        payment_id=row.payment_id,
        error_message=row.error_message,
        next_attempt_at=row.next_attempt_at,
        processed_at=row.processed_at,
        replayed_at=row.replayed_at,
        replayed_by=row.replayed_by,
        created_at=row.created_at,
    )


def attempt_of(row: Row[Any]) -> WebhookAttempt:
    """The try in a row of `webhook_attempts`."""
    return WebhookAttempt(
        number=row.number,
        started_at=row.started_at,
        duration_ms=row.duration_ms,
        outcome=WebhookEventStatus(row.outcome),
        error=row.error_message,
        is_manual=row.is_manual,
    )


def matching(where: EventFilter) -> list[ColumnElement[bool]]:
    """The filter as conditions, without any on the tenant."""
    conditions: list[ColumnElement[bool]] = []
    if where.ids is not None:
        conditions.append(among(_COLUMN.id, where.ids))
    if where.status_in is not None:
        conditions.append(among(_COLUMN.status, where.status_in))
    if where.event_type_in is not None:
        conditions.append(among(_COLUMN.event_type, where.event_type_in))
    if where.payment_id is not None:
        conditions.append(_COLUMN.payment_id == where.payment_id)
    if where.replayed_before is not None:
        earlier = _COLUMN.replayed_at < where.replayed_before
        conditions.append(or_(_COLUMN.replayed_at.is_(None), earlier))
    return [*conditions, *within(_COLUMN.created_at, where.created_at)]
