"""Stores that note what they write, so that a commit can be counted by what it kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from db.audit import SqlAuditStore
from db.idempotency import SqlIdempotencyStore
from db.inbox import SqlInboxStore
from db.ledger import SqlLedgerStore
from db.operations import SqlOperationStore
from domain.audit import AuditEntry
from domain.idempotency import IdempotencyRecord
from domain.inbox import WebhookEvent
from domain.ledger import LedgerTransaction
from domain.measures import Changes, CommitMeasures
from domain.operation import Operation


@dataclass(slots=True)
class Noted:
    """What one transaction has written so far."""

    measures: CommitMeasures
    entries: list[AuditEntry] = field(default_factory=list)
    bookings: list[LedgerTransaction] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    events: list[WebhookEvent] = field(default_factory=list)

    def committed(self) -> None:
        """It was kept."""
        self.measures.committed(Changes(self.entries, self.bookings, self.operations, self.events))


@dataclass(frozen=True, slots=True)
class NotingAuditStore(SqlAuditStore):
    """Notes each entry."""

    noted: Noted

    async def append(self, entry: AuditEntry) -> None:
        await SqlAuditStore.append(self, entry)
        self.noted.entries.append(entry)

    async def append_all(self, entries: Sequence[AuditEntry]) -> None:
        await SqlAuditStore.append_all(self, entries)
        self.noted.entries.extend(entries)


@dataclass(frozen=True, slots=True)
class NotingLedgerStore(SqlLedgerStore):
    """Notes each booking."""

    noted: Noted

    async def add(self, transactions: Sequence[LedgerTransaction]) -> None:
        await SqlLedgerStore.add(self, transactions)
        self.noted.bookings.extend(transactions)


@dataclass(frozen=True, slots=True)
class NotingOperationStore(SqlOperationStore):
    """Notes each operation as it is saved."""

    noted: Noted

    async def save(self, operation: Operation) -> None:
        await SqlOperationStore.save(self, operation)
        self.noted.operations.append(operation)


@dataclass(frozen=True, slots=True)
class NotingInboxStore(SqlInboxStore):
    """Notes each try of an event that ends."""

    noted: Noted

    async def end(self, event: WebhookEvent) -> bool:
        is_ours = await SqlInboxStore.end(self, event)
        if is_ours:
            self.noted.events.append(event)
        return is_ours


@dataclass(frozen=True, slots=True)
class NotingIdempotencyStore(SqlIdempotencyStore):
    """Tells at once of a key that is taken: such a call often commits nothing."""

    noted: Noted

    async def claim(self, record: IdempotencyRecord) -> IdempotencyRecord | None:
        taken = await SqlIdempotencyStore.claim(self, record)
        if taken is not None:
            self.noted.measures.idempotency_hit()
        return taken
