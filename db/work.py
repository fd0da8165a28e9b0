"""Transactions: one connection, one commit, and the stores that share them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.alerts import SqlAlertStore
from db.disputes import SqlDisputeStore
from db.endpoint_secrets import SqlEndpointSecretStore
from db.gateways import SqlGatewayStore
from db.noting import (
    Noted,
    NotingAuditStore,
    NotingIdempotencyStore,
    NotingInboxStore,
    NotingLedgerStore,
    NotingOperationStore,
)
from db.orders import SqlOrderStore
from db.payers import SqlPayerStore
from db.payments import SqlPaymentStore
from db.reconciliations import SqlReconciliationStore
from db.refunds import SqlRefundStore
from db.replays import SqlReplayStore
from db.retention import SqlRetentionStore
from db.seals import SqlSealStore
from db.tenants import SqlTenantStore
from db.transactions import begun, commit, on_own_terms
from db.unreadable import NotingCipher, alert_unreadable
from db.webhook_cursors import SqlWebhookCursorStore
from domain.measures import Changes, CommitMeasures
from domain.ports import Cipher


class SqlWork:
    """Implements `domain.ports.Work`. READ COMMITTED: what a rule depends on is locked first."""

    def __init__(
        self, connection: AsyncConnection, cipher: Cipher, measures: CommitMeasures
    ) -> None:
        self._connection = connection
        self._noted = noted = Noted(measures)
        self.orders = SqlOrderStore(connection)
        self.payments = SqlPaymentStore(connection, cipher)
        self.refunds = SqlRefundStore(connection)
        self.disputes = SqlDisputeStore(connection)
        self.ledger = NotingLedgerStore(connection, noted)
        self.operations = NotingOperationStore(connection, cipher, noted)
        self.keys = NotingIdempotencyStore(connection, noted)
        self.tenants = SqlTenantStore(connection, cipher)
        self.audit = NotingAuditStore(connection, noted)
        self.seals = SqlSealStore(connection)
        self.retention = SqlRetentionStore(connection)
        self.payers = SqlPayerStore(connection, cipher)
        self.alerts = SqlAlertStore(connection)
        self.gateways = SqlGatewayStore(connection, cipher)
        self.inbox = NotingInboxStore(connection, cipher, noted)
        self.cursors = SqlWebhookCursorStore(connection)
        self.reconciliations = SqlReconciliationStore(connection)
        self.replays = SqlReplayStore(connection)
        self.endpoint_secrets = SqlEndpointSecretStore(connection, cipher)

    async def commit(self) -> None:
        await commit(self._connection)
        self._noted.committed()


class _Uncounted:
    """Implements `domain.measures.CommitMeasures` where nobody watches."""

    def committed(self, changes: Changes) -> None:
        """Nothing."""

    def idempotency_hit(self) -> None:
        """Nothing."""


class SqlDatabase:
    """Implements `domain.ports.Database`. `measures` hears of each commit, if any."""

    def __init__(
        self, engine: AsyncEngine, cipher: Cipher, measures: CommitMeasures | None = None
    ) -> None:
        self._engine = on_own_terms(engine)
        self._cipher = cipher
        self._measures = measures or _Uncounted()

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
                yield SqlWork(connection, cipher, self._measures)
        finally:
            await alert_unreadable(self._engine, cipher.unreadable)
