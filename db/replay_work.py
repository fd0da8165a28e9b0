"""Transactions of long replays: events, audit, and the run itself. No key is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.audit import SqlAuditStore
from db.replays import SqlReplayStore
from db.tables import webhook_replays
from db.transactions import begun, commit, on_own_terms
from domain.bulk_replaying import ReplayRun

_COLUMN = webhook_replays.c
_OPEN = select(webhook_replays).where(
    _COLUMN.name == bindparam("of_name"),
    _COLUMN.ended_at.is_(None),
    _COLUMN.began_at >= bindparam("resumed_since"),
)
_ADD = insert(webhook_replays)
_BEGIN = _ADD.on_conflict_do_update(
    index_elements=["name"],
    set_={
        "began_at": _ADD.excluded.began_at,
        "since": _ADD.excluded.since,
        "until": _ADD.excluded.until,
        "ended_at": None,
    },
    where=_COLUMN.ended_at.is_not(None) | (_COLUMN.began_at < bindparam("resumed_since")),
)
_END = update(webhook_replays).where(
    _COLUMN.name == bindparam("of_name"), _COLUMN.began_at == bindparam("of_began_at")
)


@dataclass(frozen=True, slots=True)
class SqlReplayRuns:
    """Implements `domain.bulk_replaying.RunStore`."""

    connection: AsyncConnection

    async def open_run(self, name: str, *, resumed_since: datetime) -> ReplayRun | None:
        asked = {"of_name": name, "resumed_since": resumed_since}
        row = (await self.connection.execute(_OPEN, asked)).first()
        if row is None:
            return None
        return ReplayRun(
            name=row.name,
            began_at=row.began_at,
            since=row.since,
            until=row.until,
            is_resumed=True,
        )

    async def begin(self, run: ReplayRun, *, resumed_since: datetime) -> bool:
        begun = await self.connection.execute(
            _BEGIN,
            {
                "name": run.name,
                "began_at": run.began_at,
                "since": run.since,
                "until": run.until,
                "ended_at": None,
                "resumed_since": resumed_since,
            },
        )
        return begun.rowcount == 1

    async def end(self, run: ReplayRun, at: datetime) -> None:
        key = {"of_name": run.name, "of_began_at": run.began_at}
        await self.connection.execute(_END, {**key, "ended_at": at})


class SqlReplayWork:
    """Implements `domain.bulk_replaying.BulkWork`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.replays = SqlReplayStore(connection)
        self.audit = SqlAuditStore(connection)
        self.runs = SqlReplayRuns(connection)

    async def commit(self) -> None:
        await commit(self._connection)


class SqlReplayDatabase:
    """Implements `domain.bulk_replaying.BulkDatabase`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = on_own_terms(engine)

    def begin(self, tenant_id: str) -> AbstractAsyncContextManager[SqlReplayWork]:
        """A transaction for one tenant."""
        return self._transaction(tenant_id)

    def begin_across_tenants(self) -> AbstractAsyncContextManager[SqlReplayWork]:
        """A transaction of no tenant."""
        return self._transaction(None)

    @asynccontextmanager
    async def _transaction(self, tenant_id: str | None) -> AsyncIterator[SqlReplayWork]:
        async with begun(self._engine, tenant_id) as connection:
            yield SqlReplayWork(connection)
