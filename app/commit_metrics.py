"""What payments, events and books came to, counted at each commit."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram

from domain.audit import AuditEntry
from domain.audit_actions import ACTIONS
from domain.event_types import USE_CASES
from domain.inbox import WebhookEvent
from domain.ledger import LedgerTransaction
from domain.measures import Changes

OTHER = "other"
"""Stands for every word of the gateway's beyond those that are known: labels must stay few."""

DECLINES_MAX = 100
"""How many decline codes have a label of their own in one process; Stripe knows some fifty."""

_EVENT_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600)


class CommitCounters:
    """Implements `domain.measures.CommitMeasures`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._declines: set[str] = set()
        self._changes = Counter(
            "tollgate_changes",
            "Changes of orders, payments, refunds, disputes and settings, by the audit's action.",
            ["action"],
            registry=registry,
        )
        for action in ACTIONS:
            self._changes.labels(action)  # shown as 0 before the first: a rate needs it
        self._failures = Counter(
            "tollgate_payment_failures",
            "Payments that failed, by the gateway's decline code.",
            ["decline_code"],
            registry=registry,
        )
        self._booked = Counter(
            "tollgate_ledger_minor_units",
            "What was booked, in minor units of the currency, by account, side and kind of fact.",
            ["account", "side", "fact", "currency"],
            registry=registry,
        )
        self._operations = Counter(
            "tollgate_gateway_operations",
            "Operations at the gateway by the state that they came to.",
            ["kind", "state"],
            registry=registry,
        )
        self._events = Counter(
            "tollgate_webhook_events",
            "Tries of webhook events by what they came to.",
            ["event_type", "status"],
            registry=registry,
        )
        self._event_seconds = Histogram(
            "tollgate_webhook_event_seconds",
            "From the receipt or replay of a webhook event until it was worked off.",
            buckets=_EVENT_SECONDS,
            registry=registry,
        )
        self._hits = Counter(
            "tollgate_idempotency_hits",
            "Calls whose idempotency key had been used before.",
            registry=registry,
        )

    def committed(self, changes: Changes) -> None:
        """A transaction was committed."""
        for entry in changes.entries:
            self._count_entry(entry)
        for booking in changes.bookings:
            self._count_booking(booking)
        for operation in changes.operations:
            self._operations.labels(operation.kind.value, operation.state.value).inc()
        for event in changes.events:
            self._count_event(event)

    def idempotency_hit(self) -> None:
        """A call came with a key that was used before."""
        self._hits.inc()

    def _count_entry(self, entry: AuditEntry) -> None:
        self._changes.labels(entry.action if entry.action in ACTIONS else OTHER).inc()
        if entry.action == "payment.failed":
            self._failures.labels(self._decline(entry.after or {})).inc()

    def _decline(self, after: Mapping[str, object]) -> str:
        code = after.get("decline_code")
        if not isinstance(code, str):
            return "none"
        if code not in self._declines and len(self._declines) >= DECLINES_MAX:
            return OTHER
        self._declines.add(code)
        return code

    def _count_booking(self, booking: LedgerTransaction) -> None:
        fact = booking.fact.partition(":")[0]
        for posting in booking.postings:
            side = "debit" if posting.amount > 0 else "credit"
            amounts = self._booked.labels(posting.account.value, side, fact, posting.currency)
            amounts.inc(abs(posting.amount))

    def _count_event(self, event: WebhookEvent) -> None:
        event_type = event.event_type if event.event_type in USE_CASES else OTHER
        self._events.labels(event_type, event.status.value).inc()
        if event.processed_at is not None:
            began = event.replayed_at or event.created_at
            self._event_seconds.observe(max(0.0, (event.processed_at - began).total_seconds()))
