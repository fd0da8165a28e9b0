"""Transactions on the audit's chains alone: no key is needed to read or to make a seal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.seals import SqlSealStore
from db.transactions import begun, commit, on_own_terms


class SqlSealWork:
    """Implements `domain.sealing.SealingWork`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.seals = SqlSealStore(connection)

    async def commit(self) -> None:
        await commit(self._connection)


class SqlSealDatabase:
    """Implements `domain.sealing.SealingDatabase`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = on_own_terms(engine)

    def begin(self, tenant_id: str) -> AbstractAsyncContextManager[SqlSealWork]:
        """A transaction for one tenant."""
        return self._transaction(tenant_id)

    def begin_across_tenants(self) -> AbstractAsyncContextManager[SqlSealWork]:
        """A transaction of no tenant."""
        return self._transaction(None)

    @asynccontextmanager
    async def _transaction(self, tenant_id: str | None) -> AsyncIterator[SqlSealWork]:
        async with begun(self._engine, tenant_id) as connection:
            yield SqlSealWork(connection)
