"""How a try of an event ends: put off, ignored, buried or done, with the attempt it leaves.

The end and its attempt are one commit, and only the holder of the lease may write them: whoever
comes back after its lease ran out finds the fence shut and leaves no trace.
"""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.alert_rules import AlertRule
from domain.alerting import open_alert
from domain.bound import bound
from domain.inbox import (
    TRIES_MAX,
    WebhookAttempt,
    WebhookEvent,
    WebhookEventStatus,
    retry_delay_seconds,
)
from domain.payment import Payment
from domain.ports import Clock, Database, Work

READS_MAX = 3
"""How often what keeps moving is read within one try."""

ALERTS_MAX = 20
"""How many alerts of one rule may be open about single events of one tenant, or of nobody."""

UNMATCHED_AFTER = timedelta(minutes=5)
"""How long an event waits for its payment before somebody is told."""


@dataclass(frozen=True, slots=True)
class Try:
    """One try under way: the event under its lease, and since when."""

    event: WebhookEvent
    started_at: datetime
    started: float = field(default_factory=time.monotonic)
    """On a clock that is never set back, in seconds: a duration is reckoned from it."""

    def of_payment(self, payment: Payment | None) -> Try:
        """The same try, its event belonging to this payment."""
        if payment is None:
            return self
        event = replace(self.event, tenant_id=payment.tenant_id, payment_id=payment.id)
        return replace(self, event=event)

    def of_tenant(self, tenant_id: str) -> Try:
        """The same try, its event belonging to this tenant."""
        return replace(self, event=replace(self.event, tenant_id=tenant_id))

    def attempt(self, ended: WebhookEvent) -> WebhookAttempt:
        """What is kept of the try that ended so just now."""
        return WebhookAttempt(
            number=ended.attempts,
            started_at=self.started_at,
            duration_ms=round((time.monotonic() - self.started) * 1000),
            outcome=ended.status,
            error=ended.error_message,
            is_manual=ended.is_tried_by_hand,
        )


_log = logging.getLogger(__name__)


async def end_try(work: Work, tried: Try, ended: WebhookEvent) -> bool:
    """Writes the event's end and its attempt; False, with nothing written, when the event is no
    longer ours to end. Then nothing else of the transaction may be kept."""
    if not await work.inbox.end(ended):
        return False
    await work.inbox.add_attempt(ended.id, tried.attempt(ended))
    with bound(event_id=ended.id, tenant_id=ended.tenant_id, payment_id=ended.payment_id):
        _log.info("event %s (%s) is %s", ended.id, ended.event_type, ended.status)
    return True


def ended(
    event: WebhookEvent, status: WebhookEventStatus, now: datetime, reason: str | None = None
) -> WebhookEvent:
    """The event in a state that no worker takes up again by itself."""
    return replace(
        event,
        status=status,
        error_message=reason,
        next_attempt_at=None,
        lease_until=None,
        processed_at=None if status is WebhookEventStatus.DEAD else now,
    )


class TryEnds:
    """The ends that change nothing but the event, each in a transaction of its own."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def ignore(self, tried: Try, reason: str) -> None:
        """The event has nothing to tell us, for this reason."""
        now = self._clock.now()
        async with self._database.begin_across_tenants() as work:
            if await end_try(
                work, tried, ended(tried.event, WebhookEventStatus.IGNORED, now, reason)
            ):
                await work.commit()

    async def done(self, tried: Try) -> None:
        """The event changes nothing, and is worked off with that."""
        now = self._clock.now()
        async with self._database.begin_across_tenants() as work:
            if await end_try(work, tried, ended(tried.event, WebhookEventStatus.PROCESSED, now)):
                await work.commit()

    async def put_off(self, tried: Try, reason: str) -> None:
        """The event is tried again later, unless it was tried often enough."""
        await self._wait(tried, reason, self._next_attempt_at(tried.event))

    async def wait_for_payment(self, tried: Try, payment_id: str) -> None:
        """The event came before its payment, which may still be committed. One that waits for
        longer than UNMATCHED_AFTER opens an alert, once: there is a try at that very time."""
        event, now = tried.event, self._clock.now()
        patience_until = (event.replayed_at or event.created_at) + UNMATCHED_AFTER
        next_attempt_at = self._next_attempt_at(event)
        if now < patience_until:
            next_attempt_at = min(next_attempt_at, patience_until)
        reason = f"Payment {payment_id} is not known here yet."
        await self._wait(tried, reason, next_attempt_at, is_unmatched=now >= patience_until)

    def _next_attempt_at(self, event: WebhookEvent) -> datetime:
        delay = retry_delay_seconds(event.tries, secrets.randbelow(1000) / 1000)
        return self._clock.now() + timedelta(seconds=delay)

    async def _wait(
        self, tried: Try, reason: str, next_attempt_at: datetime, *, is_unmatched: bool = False
    ) -> None:
        if tried.event.tries >= TRIES_MAX:
            await self.bury(tried, reason)
            return
        waiting = replace(
            tried.event,
            status=WebhookEventStatus.RETRY,
            error_message=reason,
            next_attempt_at=next_attempt_at,
            lease_until=None,
        )
        async with self._database.begin_across_tenants() as work:
            if await end_try(work, tried, waiting):
                if is_unmatched:
                    await _alert_of(work, waiting, AlertRule.WEBHOOK_UNMATCHED, self._clock.now())
                await work.commit()

    async def bury(
        self,
        tried: Try,
        reason: str,
        *,
        rule: AlertRule = AlertRule.WEBHOOK_DEAD,
    ) -> None:
        """The event is DEAD until it is replayed by hand, and an alert says so."""
        now = self._clock.now()
        dead = ended(tried.event, WebhookEventStatus.DEAD, now, reason)
        async with self._database.begin_across_tenants() as work:
            if await end_try(work, tried, dead):
                await _alert_of(work, dead, rule, now)
                await work.commit()


async def _alert_of(work: Work, event: WebhookEvent, rule: AlertRule, now: datetime) -> None:
    """Opens the alert about the event, in the words of its error. Where ALERTS_MAX of the kind are
    open, one about the gateway row stands for all that follow through it: whoever may sign events
    may make as many fail as it likes."""
    are_many = await work.alerts.count_open(rule, event.tenant_id) >= ALERTS_MAX
    many = f"More than {ALERTS_MAX} events; one of them: " if are_many else ""
    await open_alert(
        work,
        rule,
        subject_id=event.gateway_id if are_many else event.id,
        message=f"{many}{event.event_type} {event.event_id}: {event.error_message}",
        tenant_id=event.tenant_id,
        now=now,
    )
