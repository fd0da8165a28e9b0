"""What the daily loop empties and deletes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Text, bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import daily_runs, revoked_tokens, webhook_events
from domain.ids import Prefix, first_id

_LOCK = 0x64_61_69_6C
"""An arbitrary number that keeps this lock's keys apart from those of other advisory locks."""

_JOB = bindparam("job", type_=Text())
_TRY_LOCK = select(func.pg_try_advisory_xact_lock(func.hashtextextended(_JOB, _LOCK)))
_LAST_RUN = select(daily_runs.c.ran_at).where(daily_runs.c.name == _JOB)
_ADD_RUN = insert(daily_runs)
_NOTE_RUN = _ADD_RUN.on_conflict_do_update(
    index_elements=["name"], set_={"ran_at": _ADD_RUN.excluded.ran_at}
)
_EVENT = webhook_events.c
# An id holds the time at which it was made, and the index of what is left to empty is by id.
_OLD_EVENTS = (
    select(_EVENT.id)
    .where(
        text("processed AND payload <> '{}'::jsonb"),
        _EVENT.id < bindparam("before_id"),
        _EVENT.created_at < bindparam("before"),
        func.coalesce(_EVENT.processed_at, _EVENT.created_at) < bindparam("before"),
    )
    .order_by(_EVENT.id)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
)
_OLD_BODIES = (
    select(_EVENT.id)
    .where(_EVENT.body.is_not(None), _EVENT.id < bindparam("before_id"))
    .order_by(_EVENT.id)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
)
# A CTE that locks is run once; as a subquery it may be run for each row, past its limit.
_EVENTS, _BODIES = _OLD_EVENTS.cte("old_events"), _OLD_BODIES.cte("old_bodies")
_EMPTY = update(webhook_events).where(_EVENT.id == _EVENTS.c.id).values(payload=text("'{}'::jsonb"))
_EMPTY_BODIES = update(webhook_events).where(_EVENT.id == _BODIES.c.id).values(body=None)
_ENDED_TOKENS = (
    select(revoked_tokens.c.jti)
    .where(revoked_tokens.c.expires_at < bindparam("before"))
    .order_by(revoked_tokens.c.expires_at)
    .limit(bindparam("at_most"))
)
_FORGET = delete(revoked_tokens).where(revoked_tokens.c.jti.in_(_ENDED_TOKENS))


@dataclass(frozen=True, slots=True)
class SqlRetentionStore:
    """Implements `domain.retention.RetentionStore`."""

    connection: AsyncConnection

    async def try_lock(self, job: str) -> bool:
        return bool((await self.connection.execute(_TRY_LOCK, {"job": job})).scalar_one())

    async def last_run(self, job: str) -> datetime | None:
        found: datetime | None = (
            await self.connection.execute(_LAST_RUN, {"job": job})
        ).scalar_one_or_none()
        return found

    async def note_run(self, job: str, at: datetime) -> None:
        await self.connection.execute(_NOTE_RUN, {"name": job, "ran_at": at})

    async def empty_payloads(self, *, before: datetime, limit: int) -> int:
        asked = {
            "before": before,
            "before_id": first_id(Prefix.WEBHOOK_EVENT, before),
            "at_most": limit,
        }
        emptied = (await self.connection.execute(_EMPTY, asked)).rowcount
        # An event with a body is DEAD for good: there is nothing to be worked off later.
        asked = {"before_id": asked["before_id"], "at_most": limit - emptied}
        return emptied + (await self.connection.execute(_EMPTY_BODIES, asked)).rowcount

    async def forget_revocations(self, *, before: datetime, limit: int) -> int:
        asked = {"before": before, "at_most": limit}
        return (await self.connection.execute(_FORGET, asked)).rowcount
