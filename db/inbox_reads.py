"""The inbox as a tenant's readers see it: the events that were routed to it, and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncEngine

from db.event_records import COLUMNS, attempt_of, matching, record_of
from db.filters import among
from db.paging import count_rows, read_page
from db.tables import webhook_attempts, webhook_events
from db.transactions import on_own_terms, reading
from domain.inbox import WebhookAttempt
from domain.inbox_reading import EventFilter, EventRecord
from domain.reports import Page, PageRequest

_COLUMN = webhook_events.c
_ATTEMPTS = select(webhook_attempts).join(
    webhook_events, _COLUMN.id == webhook_attempts.c.webhook_event_id
)


class SqlInboxReads:
    """Implements `domain.inbox_reading.InboxReads`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = on_own_terms(engine)

    async def events(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, EventRecord]:
        wanted = _routed_to(tenant_id, EventFilter(ids=ids))
        async with reading(self._engine, tenant_id) as connection:
            return {row.id: record_of(row) for row in await connection.execute(wanted)}

    async def payloads(
        self, tenant_id: str, ids: Sequence[str]
    ) -> Mapping[str, Mapping[str, object]]:
        wanted = select(_COLUMN.id, _COLUMN.payload).where(
            _COLUMN.tenant_id == tenant_id, among(_COLUMN.id, ids)
        )
        async with reading(self._engine, tenant_id) as connection:
            return {row.id: row.payload for row in await connection.execute(wanted)}

    async def attempts(
        self, tenant_id: str, ids: Sequence[str]
    ) -> Mapping[str, Sequence[WebhookAttempt]]:
        wanted = _ATTEMPTS.where(_COLUMN.tenant_id == tenant_id, among(_COLUMN.id, ids)).order_by(
            webhook_attempts.c.webhook_event_id, webhook_attempts.c.number
        )
        found: dict[str, list[WebhookAttempt]] = {}
        async with reading(self._engine, tenant_id) as connection:
            for row in await connection.execute(wanted):
                found.setdefault(row.webhook_event_id, []).append(attempt_of(row))
        return found

    async def page(
        self, tenant_id: str, where: EventFilter, page: PageRequest
    ) -> Page[EventRecord]:
        rows = _routed_to(tenant_id, where)
        async with reading(self._engine, tenant_id) as connection:
            return await read_page(connection, rows, _COLUMN.id, page, record_of)

    async def count(self, tenant_id: str, where: EventFilter) -> int | None:
        async with reading(self._engine, tenant_id) as connection:
            return await count_rows(connection, _routed_to(tenant_id, where))


def _routed_to(tenant_id: str, where: EventFilter) -> Select[Any]:
    return select(*COLUMNS).where(_COLUMN.tenant_id == tenant_id, *matching(where))
