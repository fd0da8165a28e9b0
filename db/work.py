"""Transactions: one connection, one commit, and the stores that share them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.alerts import SqlAlertStore
from db.audit import SqlAuditStore
from db.disputes import SqlDisputeStore
from db.endpoint_secrets import SqlEndpointSecretStore
from db.gateways import SqlGatewayStore
from db.idempotency import SqlIdempotencyStore
from db.inbox import SqlInboxStore
from db.ledger import SqlLedgerStore
from db.operations import SqlOperationStore
from db.orders import SqlOrderStore
from db.payers import SqlPayerStore
from db.payments import SqlPaymentStore
from db.refunds import SqlRefundStore
from db.replays import SqlReplayStore
from db.retention import SqlRetentionStore
from db.seals import SqlSealStore
from db.tenants import SqlTenantStore
from db.transactions import begun, commit, on_own_terms
from db.unreadable import NotingCipher, alert_unreadable
from db.webhook_cursors import SqlWebhookCursorStore
from domain.ports import Cipher


class SqlWork:
    """Implements `domain.ports.Work`. READ COMMITTED: what a rule depends on is locked first."""

    def __init__(self, connection: AsyncConnection, cipher: Cipher) -> None:
        self._connection = connection
        self.orders = SqlOrderStore(connection)
        self.payments = SqlPaymentStore(connection, cipher)
        self.refunds = SqlRefundStore(connection)
        self.disputes = SqlDisputeStore(connection)
        self.ledger = SqlLedgerStore(connection)
        self.operations = SqlOperationStore(connection, cipher)
        self.keys = SqlIdempotencyStore(connection)
        self.tenants = SqlTenantStore(connection, cipher)
        self.audit = SqlAuditStore(connection)
        self.seals = SqlSealStore(connection)
        self.retention = SqlRetentionStore(connection)
        self.payers = SqlPayerStore(connection, cipher)
        self.alerts = SqlAlertStore(connection)
        self.gateways = SqlGatewayStore(connection, cipher)
        self.inbox = SqlInboxStore(connection, cipher)
        self.cursors = SqlWebhookCursorStore(connection)
        self.replays = SqlReplayStore(connection)
        self.endpoint_secrets = SqlEndpointSecretStore(connection, cipher)

    async def commit(self) -> None:
        await commit(self._connection)


class SqlDatabase:
    """Implements `domain.ports.Database`."""

    def __init__(self, engine: AsyncEngine, cipher: Cipher) -> None:
        self._engine = on_own_terms(engine)
        self._cipher = cipher

    def begin(self, tenant_id: str) -> AbstractAsyncContextManager[SqlWork]:
        """A transaction for one tenant, whose rows alone it can see."""
        return self._transaction(tenant_id)

    def begin_across_tenants(self) -> AbstractAsyncContextManager[SqlWork]:
        """A transaction of no tenant: for work that has none yet, or that may be any tenant's. It
        sees no orders, payments or refunds."""
        return self._transaction(None)

    @asynccontextmanager
    async def _transaction(self, tenant_id: str | None) -> AsyncIterator[SqlWork]:
        cipher = NotingCipher(self._cipher)
        try:
            async with begun(self._engine, tenant_id) as connection:
                yield SqlWork(connection, cipher)
        finally:
            await alert_unreadable(self._engine, cipher.unreadable)
