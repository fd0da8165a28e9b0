"""Transactions: one connection, one commit, and the stores that share them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.alerts import SqlAlertStore
from db.audit import SqlAuditStore
from db.engine import connected
from db.idempotency import SqlIdempotencyStore
from db.inbox import SqlInboxStore
from db.operations import SqlOperationStore
from db.orders import SqlOrderStore
from db.payments import SqlPaymentStore
from db.refunds import SqlRefundStore
from db.seals import SqlSealStore
from db.tenants import SqlTenantStore
from domain.ports import Cipher


class SqlWork:
    """Implements `domain.ports.Work`. READ COMMITTED: what a rule depends on is locked first."""

    def __init__(self, connection: AsyncConnection, cipher: Cipher) -> None:
        self._connection = connection
        self.orders = SqlOrderStore(connection)
        self.payments = SqlPaymentStore(connection, cipher)
        self.refunds = SqlRefundStore(connection)
        self.operations = SqlOperationStore(connection, cipher)
        self.keys = SqlIdempotencyStore(connection)
        self.tenants = SqlTenantStore(connection, cipher)
        self.audit = SqlAuditStore(connection)
        self.seals = SqlSealStore(connection)
        self.alerts = SqlAlertStore(connection)
        self.inbox = SqlInboxStore(connection, cipher)

    async def commit(self) -> None:
        await self._connection.commit()


class SqlDatabase:
    """Implements `domain.ports.Database`."""

    def __init__(self, engine: AsyncEngine, cipher: Cipher) -> None:
        self._engine = engine
        self._cipher = cipher

    def begin(self, tenant_id: str) -> AbstractAsyncContextManager[SqlWork]:
        """A transaction for one tenant."""
        # The tenant is not set in the session: that would be a round trip more, and nothing reads
        # it, since every statement names its tenant.
        return self._transaction()

    def begin_across_tenants(self) -> AbstractAsyncContextManager[SqlWork]:
        """A transaction for the worker, which claims work of any tenant."""
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[SqlWork]:
        async with connected(self._engine) as connection:
            yield SqlWork(connection, self._cipher)
