"""The real database, with a point at every statement and every commit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only

from db.work import SqlDatabase, SqlWork
from domain.account_events import AccountWork
from domain.ports import DatabaseUnavailable
from tests.simulation.turns import Turns, current


def stop_at_statements(engine: AsyncEngine, turns: Turns) -> None:
    """Each statement of the engine waits for its actor's turn."""

    def before(connection: Connection, *_: Any) -> None:
        actor = current()
        if actor is None:
            return
        driver = cast("Any", connection.connection.driver_connection)
        actor.backend = driver.get_server_pid()
        await_only(turns.point("statement"))

    event.listen(engine.sync_engine, "before_cursor_execute", before)


class SteppedDatabase:
    """Implements `domain.ports.Database` over the real one. A commit may fail, before or after it
    has happened, with `fault_chance`."""

    def __init__(self, database: SqlDatabase, turns: Turns, fault_chance: float) -> None:
        self._database = database
        self._turns = turns
        self.fault_chance = fault_chance

    def begin(self, tenant_id: str) -> AbstractAsyncContextManager[AccountWork]:
        """A transaction for one tenant."""
        return self._stepped(self._database.begin(tenant_id))

    def begin_across_tenants(self) -> AbstractAsyncContextManager[AccountWork]:
        """A transaction of no tenant."""
        return self._stepped(self._database.begin_across_tenants())

    @asynccontextmanager
    async def _stepped(
        self, begun: AbstractAsyncContextManager[SqlWork]
    ) -> AsyncIterator[AccountWork]:
        await self._turns.point("begin")
        async with begun as work:
            yield cast("AccountWork", _SteppedWork(work, self))

    async def commit(self, work: SqlWork) -> None:
        """A commit, or one of its two ways to fail."""
        await self._turns.point("commit")
        actor = current()
        luck = actor.chance.random() if actor else 1.0
        if luck < self.fault_chance / 2:
            raise DatabaseUnavailable("drawn: before the commit")
        await work.commit()
        self._turns.note_commit()
        if luck < self.fault_chance:
            raise DatabaseUnavailable("drawn: after the commit")
        self._turns.passing("committed")


class _SteppedWork:
    """The work itself, save its commit."""

    def __init__(self, work: SqlWork, database: SteppedDatabase) -> None:
        self._work = work
        self._database = database

    def __getattr__(self, name: str) -> object:
        return getattr(self._work, name)

    async def commit(self) -> None:
        await self._database.commit(self._work)
