"""The whole inbox, as the platform's operators see it: of every tenant, and of nobody.

It is read as the role `tollgate_worker` in no tenant's name, which alone sees what is not routed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import connected
from db.event_records import COLUMNS, HAS_PAYLOAD, attempt_of, matching, record_of
from db.filters import among
from db.tables import webhook_attempts, webhook_events
from domain.bulk_replaying import ID_SLACK, Tally
from domain.ids import Prefix, first_id
from domain.inbox import WebhookAttempt, WebhookEventStatus
from domain.inbox_reading import EventFilter, EventRecord

Owners = Collection[str | None] | None
"""Whose events: these tenants', None among them being nobody's; None for everybody's."""

_COLUMN = webhook_events.c
_PAYLOAD = select(_COLUMN.payload).where(_COLUMN.id == bindparam("of_id"))
_ATTEMPTS = (
    select(webhook_attempts)
    .where(webhook_attempts.c.webhook_event_id == bindparam("of_id"))
    .order_by(webhook_attempts.c.number)
)
_ALIKE = (_COLUMN.tenant_id, _COLUMN.event_type, _COLUMN.status, HAS_PAYLOAD.label("has_payload"))
_FOUND = select(*COLUMNS)
_COUNTED = select(*_ALIKE, func.count().label("how_many"))


class SqlPlatformInbox:
    """Reads of which none is bound to a tenant. Each may raise DatabaseUnavailable."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def events(self, ids: Sequence[str]) -> Mapping[str, EventRecord]:
        """The events with these ids."""
        wanted = _FOUND.where(among(_COLUMN.id, ids))
        async with connected(self._engine) as connection:
            return {row.id: record_of(row) for row in await connection.execute(wanted)}

    async def newest(
        self, owners: Owners, where: EventFilter, *, limit: int
    ) -> Sequence[EventRecord]:
        """Those that match, newest first."""
        rows = _FOUND.where(*_conditions(owners, where)).order_by(_COLUMN.id.desc()).limit(limit)
        async with connected(self._engine) as connection:
            return [record_of(row) for row in await connection.execute(rows)]

    async def tallies(self, owners: Owners, where: EventFilter) -> Sequence[Tally]:
        """How many match, by tenant, type, status, and whether they have a payload."""
        rows = (
            _COUNTED.where(*_conditions(owners, where))
            .group_by(*_ALIKE)
            .order_by(_COLUMN.tenant_id, _COLUMN.event_type, _COLUMN.status)
        )
        async with connected(self._engine) as connection:
            return [
                Tally(
                    row.tenant_id,
                    row.event_type,
                    WebhookEventStatus(row.status),
                    row.has_payload,
                    row.how_many,
                )
                for row in await connection.execute(rows)
            ]

    async def payload(self, webhook_event_id: str) -> Mapping[str, object]:
        """What is kept of the event."""
        async with connected(self._engine) as connection:
            found = await connection.execute(_PAYLOAD, {"of_id": webhook_event_id})
            payload: Mapping[str, object] = found.scalar_one()
        return payload

    async def attempts(self, webhook_event_id: str) -> Sequence[WebhookAttempt]:
        """Its tries that have ended, in their order."""
        async with connected(self._engine) as connection:
            found = await connection.execute(_ATTEMPTS, {"of_id": webhook_event_id})
            return [attempt_of(row) for row in found]


def _conditions(owners: Owners, where: EventFilter) -> list[ColumnElement[bool]]:
    conditions = matching(where)
    if owners is not None:
        routed = [tenant_id for tenant_id in owners if tenant_id is not None]
        of_nobody = [_COLUMN.tenant_id.is_(None)] if None in owners else []
        conditions.append(or_(among(_COLUMN.tenant_id, routed), *of_nobody))
    since = where.created_at.gte if where.created_at else None
    return [*conditions, *_made_since(since)]


def _made_since(since: datetime | None) -> list[ColumnElement[bool]]:
    """By the ids, which are indexed for every tenant and for none."""
    if since is None:
        return []
    return [_COLUMN.id >= first_id(Prefix.WEBHOOK_EVENT, since - ID_SLACK)]
