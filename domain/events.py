"""The webhook use cases: receive an event once, work it off afterwards.

An event is a hint that something moved. What moved is read from the gateway, outside any lock and
any transaction, and recorded by the same code that records a mutation's answer. So events may come
early, late, twice, in any order, or lie, and the payment ends in the same state.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.alerting import open_alert
from domain.audit import AlertSeverity
from domain.caller import Actor, AuditActorType
from domain.errors import GatewayProblem, SnapshotMismatch
from domain.event_reading import Picture, read_picture, record_picture
from domain.event_types import USE_CASES, Subject, UseCase, subject_of
from domain.gateway import PaymentGateway
from domain.inbox import (
    LEASE_SECONDS,
    TRIES_MAX,
    WebhookEvent,
    WebhookEventStatus,
    retry_delay_seconds,
)
from domain.payment import GatewayType, Payment
from domain.ports import Clock, Database, PayloadUnstorable, Wake, Work
from domain.recording import lock_payment
from domain.refunding import RefundTooEarly
from domain.tenant import GatewayAccount

READS_MAX = 3
"""How often a payment that keeps moving is read within one try."""


@dataclass(frozen=True, slots=True)
class _Routed:
    """Where an event leads: the row it came in by, and the payment with the account to read it."""

    came_by: GatewayAccount | None
    payment: Payment | None = None
    account: GatewayAccount | None = None


class EventService:
    """The inbox at work: `receive` for the route, `process` for the job, `due` for the sweeper."""

    def __init__(
        self, database: Database, gateway: PaymentGateway, wake: Wake, clock: Clock
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._wake = wake
        self._clock = clock
        self._platform_id: str | None = None

    async def platform_gateway_id(self) -> str:
        """The id of the platform's own gateway row, of the mode of its key: it owns the events of
        the platform's endpoint."""
        if self._platform_id is None:
            async with self._database.begin_across_tenants() as work:
                platform = await work.tenants.platform_gateway(
                    GatewayType.STRIPE, livemode=self._gateway.livemode
                )
            self._platform_id = platform.id
        return self._platform_id

    async def connected_gateway_id(self, account_id: str, *, livemode: bool) -> str | None:
        """The id of a connected account's row, None for an unknown account.

        A row of the other mode is found too: the event is then stored and IGNORED, as live Connect
        endpoints hear test events (docs.stripe.com/connect/webhooks).
        """
        async with self._database.begin_across_tenants() as work:
            for mode in (livemode, not livemode):
                row = await work.tenants.gateway_by_account(account_id, livemode=mode)
                if row is not None:
                    return row.id
        return None

    async def receive(self, event: WebhookEvent) -> bool:
        """Stores the event, durably, and wakes the worker; False when it was there already.

        An event that the database cannot hold is stored without its payload, DEAD, with an alert.
        Raises DatabaseUnavailable: nothing was stored, or it is not known.
        """
        try:
            async with self._database.begin_across_tenants() as work:
                is_new = await work.inbox.record(event)
                await work.commit()
        except PayloadUnstorable:
            return await self._receive_unreadable(event)
        if is_new:
            await self._wake.webhook_event(event.id)
        return is_new

    async def _receive_unreadable(self, event: WebhookEvent) -> bool:
        dead = replace(
            event,
            payload={},
            status=WebhookEventStatus.DEAD,
            error_message="The body holds text that the database cannot keep.",
        )
        async with self._database.begin_across_tenants() as work:
            is_new = await work.inbox.record(dead)
            if is_new:
                await self._alert(work, dead, "webhook.unreadable", AlertSeverity.HIGH)
            await work.commit()
        return is_new

    async def due(self, limit: int) -> Sequence[str]:
        """Ids of events that wait to be processed, at most `limit`."""
        async with self._database.begin_across_tenants() as work:
            return await work.inbox.due(self._clock.now(), limit)

    async def process(self, webhook_event_id: str) -> None:
        """Works off one event, unless it is done, not due, or held by another worker.

        Never raises for what the gateway does: a problem there puts the event off, a contradiction
        or too many tries bury it with an alert.
        """
        event = await self._claim(webhook_event_id)
        if event is None:
            return
        if event.attempts > TRIES_MAX:
            await self._bury(event, f"No outcome in {TRIES_MAX} tries.")
        elif not event.has_payload:
            await self._bury(event, "It has no payload: emptied since, or never to be stored.")
        else:
            await self._follow(event, USE_CASES.get(event.event_type))

    async def _claim(self, webhook_event_id: str) -> WebhookEvent | None:
        now = self._clock.now()
        lease_until = now + timedelta(seconds=LEASE_SECONDS)
        async with self._database.begin_across_tenants() as work:
            event = await work.inbox.claim(webhook_event_id, now, lease_until)
            await work.commit()
        return event

    async def _follow(self, event: WebhookEvent, use_case: UseCase | None) -> None:
        subject = subject_of(event)
        routed = await self._route(event, subject)
        if use_case is None:
            # Also one that changes nothing belongs to its payment, whose payer may be erased.
            reason = f"Events of type {event.event_type} change nothing here."
            await self._ignore(_of_payment(event, routed.payment), reason)
        elif routed.came_by is None or routed.came_by.livemode is not event.livemode:
            await self._ignore(event, "The event is of the other mode than its account.")
        elif routed.payment is not None and routed.account is not None:
            await self._apply(event, use_case, subject, routed.payment, routed.account)
        elif subject.payment_id is not None:
            await self._put_off(event, f"Payment {subject.payment_id} is not known here yet.")
        else:
            await self._ignore(event, "The event is not about a payment of ours.")

    async def _route(self, event: WebhookEvent, subject: Subject) -> _Routed:
        async with self._database.begin_across_tenants() as work:
            came_by = await work.tenants.gateway_by_id(event.gateway_id)
            if came_by is None or came_by.livemode is not event.livemode:
                return _Routed(came_by)
            payment = await work.inbox.find_payment(
                came_by, subject.gateway_payment_id, subject.payment_id
            )
            if payment is None:
                return _Routed(came_by)
            account = await work.tenants.gateway_by_id(payment.gateway_id)
            return _Routed(came_by, payment, account)

    async def _apply(
        self,
        event: WebhookEvent,
        use_case: UseCase,
        subject: Subject,
        payment: Payment,
        account: GatewayAccount,
    ) -> None:
        event = _of_payment(event, payment)
        try:
            for _ in range(READS_MAX):
                picture = await read_picture(self._gateway, account, payment, subject, use_case)
                moved = await self._record(event, payment, picture)
                if moved is None:
                    return
                payment = moved
        except GatewayProblem as problem:
            await self._put_off(event, f"{type(problem).__name__}: {problem.message}")
        except RefundTooEarly as early:
            await self._put_off(event, str(early))
        except SnapshotMismatch as mismatch:
            await self._bury(
                event, str(mismatch), rule="webhook.mismatch", severity=AlertSeverity.CRITICAL
            )
        else:
            await self._put_off(event, "The payment moved with every read of the gateway.")

    async def _record(self, event: WebhookEvent, read: Payment, picture: Picture) -> Payment | None:
        """One commit for the picture and the event's end; or, when the payment moved since it was
        read, nothing but the payment as it now is."""
        now = self._clock.now()
        actor = Actor(AuditActorType.GATEWAY, event.event_id)
        async with self._database.begin(read.tenant_id) as work:
            _, payment = await lock_payment(work, read.tenant_id, read.id)
            if payment.version != read.version:
                return payment
            woken = await record_picture(work, payment, picture, actor=actor, now=now)
            await work.inbox.save(_ended(event, WebhookEventStatus.PROCESSED, now))
            await work.commit()
        for operation_id in woken:
            await self._wake.operation(operation_id)
        return None

    async def _ignore(self, event: WebhookEvent, reason: str) -> None:
        now = self._clock.now()
        ended = _ended(event, WebhookEventStatus.IGNORED, now, reason)
        async with self._database.begin_across_tenants() as work:
            await work.inbox.save(ended)
            await work.commit()

    async def _put_off(self, event: WebhookEvent, reason: str) -> None:
        if event.attempts >= TRIES_MAX:
            await self._bury(event, reason)
            return
        now = self._clock.now()
        delay = retry_delay_seconds(event.attempts, secrets.randbelow(1000) / 1000)
        waiting = replace(
            event,
            status=WebhookEventStatus.RETRY,
            error_message=reason,
            next_attempt_at=now + timedelta(seconds=delay),
            lease_until=None,
        )
        async with self._database.begin_across_tenants() as work:
            if await _is_still_ours(work, event):
                await work.inbox.save(waiting)
                await work.commit()

    async def _bury(
        self,
        event: WebhookEvent,
        reason: str,
        *,
        rule: str = "webhook.dead",
        severity: AlertSeverity = AlertSeverity.HIGH,
    ) -> None:
        dead = _ended(event, WebhookEventStatus.DEAD, self._clock.now(), reason)
        async with self._database.begin_across_tenants() as work:
            if await _is_still_ours(work, event):
                await work.inbox.save(dead)
                await self._alert(work, dead, rule, severity)
                await work.commit()

    async def _alert(
        self, work: Work, event: WebhookEvent, rule: str, severity: AlertSeverity
    ) -> None:
        await open_alert(
            work,
            rule,
            severity,
            subject_id=event.id,
            message=f"{event.event_type} {event.event_id}: {event.error_message}",
            tenant_id=event.tenant_id,
            now=self._clock.now(),
        )


def _of_payment(event: WebhookEvent, payment: Payment | None) -> WebhookEvent:
    if payment is None:
        return event
    return replace(event, tenant_id=payment.tenant_id, payment_id=payment.id)


async def _is_still_ours(work: Work, event: WebhookEvent) -> bool:
    """Whether no other worker took the event after our lease ran out; `attempts` is the fence."""
    current = await work.inbox.find(event.id)
    return (
        current is not None
        and current.status is WebhookEventStatus.PROCESSING
        and current.attempts == event.attempts
    )


def _ended(
    event: WebhookEvent, status: WebhookEventStatus, now: datetime, reason: str | None = None
) -> WebhookEvent:
    return replace(
        event,
        status=status,
        error_message=reason,
        next_attempt_at=None,
        lease_until=None,
        processed_at=None if status is WebhookEventStatus.DEAD else now,
    )
