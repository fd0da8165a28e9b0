"""What waits and what is amiss, as gauges that a worker reads from the database.

Every worker reads them for itself and shows the same: take their maximum, not their sum.
"""

from __future__ import annotations

import asyncio
import math

from prometheus_client import CollectorRegistry, Gauge

from app.loops import pause
from db.state_reads import SqlStateReads
from domain.ports import Clock
from domain.webhook_health import InboxHealthReads

READ_SECONDS = 15.0
"""How often they are read."""

OPEN_STATES = ("CREATED", "SENDING", "UNKNOWN", "MANUAL_REVIEW")


class StateGauges:
    """The gauges; NaN until they were read for the first time."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(name, meaning, labels, registry=registry)

        self.unprocessed = gauge(
            "tollgate_webhook_events_unprocessed", "Webhook events not worked off, at most 10,000."
        )
        self.dead = gauge(
            "tollgate_webhook_events_dead", "Webhook events that were given up, at most 10,000."
        )
        self.waiting = gauge(
            "tollgate_webhook_events_waiting_seconds",
            "How long an event has waited for a worker that has waited longest.",
        )
        self.operations = gauge(
            "tollgate_gateway_operations_open", "Operations that have not ended.", "state"
        )
        self.oldest = gauge(
            "tollgate_gateway_operations_oldest_seconds",
            "How long ago the oldest operation was made that has not ended.",
            "state",
        )
        self.alerts = gauge(
            "tollgate_alerts_open", "Open alerts of Tollgate's own rules.", "rule", "severity"
        )
        self.differences = gauge(
            "tollgate_reconciliation_differences",
            "Differences between the gateway and ours that are left.",
            "label",
        )
        self.unreconciled = gauge(
            "tollgate_reconciliation_behind_seconds",
            "How far back the account lies that was reconciled least far.",
        )
        self.notices = gauge("tollgate_alert_notices_waiting", "Notices still to be sent.")
        for each in (self.unprocessed, self.dead, self.waiting, self.notices, self.unreconciled):
            each.set(math.nan)

    async def read(self, state: SqlStateReads, health: InboxHealthReads, clock: Clock) -> None:
        """Sets them to what is now. Raises DatabaseUnavailable."""
        now = clock.now()
        inbox = await health.inbox_health(now)
        self.unprocessed.set(inbox.unprocessed)
        self.dead.set(inbox.dead)
        self.waiting.set(inbox.waiting_seconds or 0.0)
        found = await state.open_operations()
        for name in OPEN_STATES:
            count, since = found.get(name, (0, now))
            self.operations.labels(name).set(count)
            self.oldest.labels(name).set((now - since).total_seconds())
        self.alerts.clear()
        for (rule, severity), count in (await state.open_alerts()).items():
            self.alerts.labels(rule, severity).set(count)
        self.differences.clear()
        for label, count in (await state.differences()).items():
            self.differences.labels(label).set(count)
        until = await state.reconciled_until()
        self.unreconciled.set((now - (until or now)).total_seconds())
        self.notices.set(await state.waiting_notices())

    async def keep_reading(
        self,
        state: SqlStateReads,
        health: InboxHealthReads,
        clock: Clock,
        stop: asyncio.Event,
    ) -> None:
        """Reads them every READ_SECONDS until `stop`. Raises DatabaseUnavailable."""
        while not stop.is_set():
            await self.read(state, health, clock)
            await pause(stop, READ_SECONDS)
