"""What is counted while Tollgate works, for whoever watches it. `app.metrics` implements it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from domain.audit import AuditEntry
from domain.inbox import WebhookEvent
from domain.ledger import LedgerTransaction
from domain.operation import Operation


class WebhookRefusal(StrEnum):
    """Why a delivery was not taken. The list is closed, as it labels a metric."""

    NO_SECRET = "no_secret"  # noqa: S105 - a reason's name
    MEDIA_TYPE = "media_type"
    BODY_TOO_LARGE = "body_too_large"
    BODY_TOO_SLOW = "body_too_slow"
    SENDER_GONE = "sender_gone"
    SIGNATURE = "signature"
    NOT_AN_EVENT = "not_an_event"
    UNKNOWN_ACCOUNT = "unknown_account"
    OVERLOADED = "overloaded"
    DATABASE_UNAVAILABLE = "database_unavailable"


class Measures(Protocol):
    """Counts what happened. It never raises and never waits."""

    def webhook_refused(self, reason: WebhookRefusal) -> None:
        """A delivery was answered with something else than 200."""
        ...

    def webhook_batch(self, size: int, *, new: int, seconds: float) -> None:
        """So many deliveries were stored by one commit, or one by one after it failed; `new` of
        them were not there before, and it took so long."""
        ...

    def webhook_missed(self, count: int) -> None:
        """So many events never arrived and were fetched from the gateway's list."""
        ...


@dataclass(frozen=True, slots=True)
class Changes:
    """What one transaction kept: its lines of the audit, its bookings, the operations as they now
    stand, and the tries of events that ended."""

    entries: Sequence[AuditEntry]
    bookings: Sequence[LedgerTransaction]
    operations: Sequence[Operation]
    events: Sequence[WebhookEvent]


class CommitMeasures(Protocol):
    """Counts what was kept. It never raises and never waits."""

    def committed(self, changes: Changes) -> None:
        """A transaction was committed."""
        ...

    def idempotency_hit(self) -> None:
        """A call came with a key that was used before."""
        ...
