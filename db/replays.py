"""Replays: events put back to be worked off once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, Row, Select, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from db.event_records import COLUMNS, HAS_PAYLOAD, matching, record_of
from db.filters import among
from db.paging import count_rows
from db.statements import ID, TENANT, of_key
from db.tables import webhook_events
from domain.inbox import WebhookEventStatus
from domain.inbox_reading import EventFilter, EventRecord
from domain.replaying import REPLAYABLE, Replayed

_COLUMN = webhook_events.c
_FIND = select(*COLUMNS).where(_COLUMN.tenant_id == bindparam(TENANT), _COLUMN.id == bindparam(ID))


@dataclass(frozen=True, slots=True)
class SqlReplayStore:
    """Implements `domain.replaying.ReplayStore`."""

    connection: AsyncConnection

    async def find(self, tenant_id: str, webhook_event_id: str) -> EventRecord | None:
        found = await self.connection.execute(_FIND, of_key(tenant_id, webhook_event_id))
        row = found.first()
        return None if row is None else record_of(row)

    async def replay(
        self,
        tenant_id: str | None,
        where: EventFilter,
        *,
        at: datetime,
        by: str,
        after: str | None,
        limit: int,
    ) -> Sequence[Replayed]:
        owned = _owned_by(tenant_id)
        before = _locked(owned, where, after=after, limit=limit)
        statement = (
            update(webhook_events)
            .where(_COLUMN.id == before.c.id, owned)
            .values(
                status=WebhookEventStatus.RECEIVED.value,
                attempts_before_replay=_COLUMN.attempts,
                error_message=None,
                next_attempt_at=None,
                lease_until=None,
                processed_at=None,
                replayed_at=at,
                replayed_by=by,
            )
            .returning(
                *COLUMNS,
                before.c.status.label("status_before"),
                before.c.replayed_at.label("replayed_at_before"),
            )
        )
        replayed = [_replayed_of(row) for row in await self.connection.execute(statement)]
        return sorted(replayed, key=lambda each: each.event.id)

    async def count(self, tenant_id: str, where: EventFilter, *, has_payload: bool) -> int | None:
        rows = select(_COLUMN.id).where(
            _COLUMN.tenant_id == tenant_id,
            *matching(where),
            HAS_PAYLOAD if has_payload else ~HAS_PAYLOAD,
        )
        return await count_rows(self.connection, rows)


def _owned_by(tenant_id: str | None) -> ColumnElement[bool]:
    """The events of the tenant, or those of nobody."""
    return _COLUMN.tenant_id.is_(None) if tenant_id is None else _COLUMN.tenant_id == tenant_id


def _locked(
    owned: ColumnElement[bool], where: EventFilter, *, after: str | None, limit: int
) -> CTE:
    """The next events to replay, locked. In WITH, so that it is run once: joined as a subquery it
    could be run again, and would lock others than it gave (PostgreSQL, 7.8.4)."""
    rows: Select[Any] = select(_COLUMN.id, _COLUMN.status, _COLUMN.replayed_at).where(
        owned, among(_COLUMN.status, sorted(REPLAYABLE)), HAS_PAYLOAD, *matching(where)
    )
    if after is None:
        rows = rows.order_by(_COLUMN.replayed_at.nulls_first(), _COLUMN.id)
    else:
        rows = rows.where(_COLUMN.id > after).order_by(_COLUMN.id)
    return rows.limit(limit).with_for_update(skip_locked=True).cte("before")


def _replayed_of(row: Row[Any]) -> Replayed:
    return Replayed(
        event=record_of(row),
        status_before=WebhookEventStatus(row.status_before),
        replayed_at_before=row.replayed_at_before,
    )
