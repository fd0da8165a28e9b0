"""The inbox in figures, as the role `tollgate_platform`: the API's own sees no event that has no
tenant yet."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import DateTime, bindparam, case, func, literal, or_, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import connected
from db.tables import webhook_events
from domain.inbox import LEASE_SECONDS
from domain.webhook_health import COUNT_MAX, LAG_PERCENTILE, RECENT, InboxHealth

_EVENT = webhook_events.c
_NOW = bindparam("now", type_=DateTime(timezone=True))

# A replay begins the wait anew.
_BEGUN = func.coalesce(_EVENT.replayed_at, _EVENT.created_at)

# Each part reads from an index of what it counts, as far as its limit and no further: what was
# worked off long ago costs nothing. The conditions are those of the indexes, letter by letter.
_WAITING = (
    select(_EVENT.status, _BEGUN.label("begun_at"), _EVENT.next_attempt_at, _EVENT.lease_until)
    .where(text("status IN ('RECEIVED', 'PROCESSING', 'RETRY')"))
    .order_by(_EVENT.id)
    .limit(COUNT_MAX)
    .subquery("waiting")
)
_DEAD = (
    select(_EVENT.id)
    .where(text("status = 'DEAD'"))
    .order_by(_EVENT.id)
    .limit(COUNT_MAX)
    .subquery("dead")
)
_ENDED = (
    select((_EVENT.processed_at - _BEGUN).label("took"))
    .where(text("processed AND payload <> '{}'::jsonb"))
    .order_by(_EVENT.id.desc())
    .limit(RECENT)
    .subquery("ended")
)
_SINCE = case(
    (_WAITING.c.status == "RECEIVED", _WAITING.c.begun_at),
    (_WAITING.c.status == "RETRY", _WAITING.c.next_attempt_at),
    else_=_WAITING.c.lease_until - literal(timedelta(seconds=LEASE_SECONDS)),
)
_IS_DUE = or_(_WAITING.c.status != "RETRY", _WAITING.c.next_attempt_at <= _NOW)
_HEALTH = select(
    func.count().label("unprocessed"),
    func.min(_SINCE).filter(_IS_DUE).label("oldest"),
    select(func.count()).select_from(_DEAD).scalar_subquery().label("dead"),
    select(func.percentile_disc(LAG_PERCENTILE).within_group(_ENDED.c.took))
    .scalar_subquery()
    .label("lag"),
).select_from(_WAITING)


class SqlInboxHealthReads:
    """Implements `domain.webhook_health.InboxHealthReads`, in one statement."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def inbox_health(self, now: datetime) -> InboxHealth:
        async with connected(self._engine) as connection:
            row = (await connection.execute(_HEALTH, {"now": now})).one()
        return InboxHealth(
            unprocessed=row.unprocessed,
            dead=row.dead,
            waiting_seconds=None if row.oldest is None else _seconds(now - row.oldest),
            lag_seconds=None if row.lag is None else _seconds(row.lag),
        )


def _seconds(span: timedelta) -> float:
    # clocks differ: what was received a moment from now has waited no time
    return max(0.0, span.total_seconds())
