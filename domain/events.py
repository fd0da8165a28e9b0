"""Events of the inbox, worked off.

An event is a hint that something moved. What moved is read from the gateway, outside any lock and
any transaction, and recorded by the same code that records a mutation's answer; `told` says which
two kinds of events are as good as a read. So events may come early, late, twice, in any order, or
lie, and the payment ends in the same state.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from domain.account_events import AccountDatabase, AccountEvents
from domain.alert_rules import AlertRule
from domain.bound import bind
from domain.caller import Actor, AuditActorType
from domain.checkpoint import Checkpoint, checkpoint
from domain.errors import GatewayProblem, SnapshotMismatch
from domain.event_ends import READS_MAX, Try, TryEnds, end_try, ended
from domain.event_reading import IntentUnknown, Picture, read_picture, record_picture
from domain.event_routing import Found, Refused, Route, Router
from domain.event_types import USE_CASES, UseCase, subject_of
from domain.gateway import PaymentGateway
from domain.inbox import LEASE_SECONDS, TRIES_MAX, WebhookEventStatus
from domain.paced_reads import PacedReads, SharedReads
from domain.payment import Payment
from domain.ports import Clock, Wake
from domain.recording import TooEarly, lock_payment
from domain.told import told_intent

_LEASE = timedelta(seconds=LEASE_SECONDS)


class EventService:
    """The inbox at work: `claim` for the job, `claim_due` for the sweeper, `work_off` for both."""

    def __init__(
        self, database: AccountDatabase, gateway: PaymentGateway, wake: Wake, clock: Clock
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._wake = wake
        self._clock = clock
        self._ends = TryEnds(database, clock)
        self._reads = SharedReads(gateway)
        self._router = Router(database)
        self._accounts = AccountEvents(database, self._ends, clock)

    async def claim_due(
        self, limit: int, *, received_for: timedelta = timedelta(), held: Sequence[str] = ()
    ) -> Sequence[Try]:
        """Takes up to `limit` events that wait for `work_off`, fairly among gateway rows: `held`
        has the row of each event that the caller works on. Of those that just came, the ones that
        came at least so long ago. The caller has LEASE_SECONDS for each."""
        now = self._clock.now()
        async with self._database.begin_across_tenants() as work:
            events = await work.inbox.claim_due(
                now,
                now + _LEASE,
                received_until=now - received_for,
                limit=limit,
                held=held,
            )
            await work.commit()
        return [Try(event, now) for event in events]

    async def claim(self, webhook_event_id: str) -> Try | None:
        """Takes this event for `work_off`, unless it is done, not due, or held by a worker."""
        now = self._clock.now()
        async with self._database.begin_across_tenants() as work:
            event = await work.inbox.claim(webhook_event_id, now, now + _LEASE)
            await work.commit()
        return None if event is None else Try(event, now)

    async def work_off(self, tried: Try) -> None:
        """Brings the try to its end.

        Never raises for what the gateway does: a problem there puts the event off, a contradiction
        or too many tries bury it with an alert.
        """
        checkpoint(Checkpoint.TAKEN)
        if tried.event.tries > TRIES_MAX:
            await self._ends.bury(tried, f"No outcome in {TRIES_MAX} tries.")
        elif not tried.event.has_payload:
            reason = "It has no payload: emptied since, or never to be stored."
            await self._ends.bury(tried, reason)
        else:
            await self._follow(tried)

    async def put_off(self, tried: Try, reason: str) -> None:
        """Ends a try that `work_off` could not end, for this reason."""
        await self._ends.put_off(tried, reason)

    async def _follow(self, tried: Try) -> None:
        event = tried.event
        use_case = USE_CASES.get(event.event_type)
        reads = self._reads.since(tried.started)
        asks = None if use_case is None else reads
        try:
            route = await self._router.route(event, subject_of(event), asks)
            _note(route)
            if use_case is None:
                # Also one that changes nothing belongs to its payment, whose payer may be erased.
                reason = f"Events of type {event.event_type} change nothing here."
                await self._ends.ignore(_belonging(tried, route), reason)
            elif isinstance(route, Refused):
                await self._ends.ignore(tried, route.reason)
            elif use_case is UseCase.ACCOUNT:
                await self._accounts.follow(tried, route.came_by, self._reads)
            elif route.found is not None:
                await self._apply(_belonging(tried, route), use_case, route, route.found)
            elif route.subject.payment_id is not None:
                await self._ends.wait_for_payment(tried, route.subject.payment_id)
            else:
                await self._ends.ignore(tried, "The event is not about a payment of ours.")
        except GatewayProblem as problem:
            await self._ends.put_off(tried, _told(problem))

    async def _apply(self, tried: Try, use_case: UseCase, route: Route, found: Found) -> None:
        if use_case is UseCase.NOTHING:
            await self._ends.done(tried)
            return
        reads = self._reads.since(tried.started, version=found.payment.version)
        try:
            for _ in range(READS_MAX):
                picture = await self._picture(tried, use_case, route, found, reads)
                checkpoint(Checkpoint.READ)
                moved = await self._record(tried, found.payment, picture)
                if moved is None:
                    return
                found = replace(found, payment=moved)
                reads = self._reads.since(time.monotonic(), version=moved.version)
        except GatewayProblem as problem:
            await self._ends.put_off(tried, _told(problem))
        except (TooEarly, IntentUnknown) as early:
            await self._ends.put_off(tried, str(early))
        except SnapshotMismatch as mismatch:
            await self._ends.bury(tried, str(mismatch), rule=AlertRule.WEBHOOK_MISMATCH)
        else:
            await self._ends.put_off(tried, "The payment moved with every read of the gateway.")

    async def _picture(
        self, tried: Try, use_case: UseCase, route: Route, found: Found, reads: PacedReads
    ) -> Picture:
        """What is to be recorded: read from the gateway, unless the event is as good as a read."""
        payment, account = found.payment, found.account
        told = told_intent(self._gateway, tried.event, route.came_by, payment)
        if told is not None:
            return Picture(told)
        return await read_picture(reads, account, payment, route.subject, use_case)

    async def _record(self, tried: Try, read: Payment, picture: Picture) -> Payment | None:
        """One commit for the picture and the event's end; or, when the payment moved since it was
        read, nothing but the payment as it now is."""
        now = self._clock.now()
        actor = Actor(AuditActorType.GATEWAY, tried.event.event_id)
        done = ended(tried.event, WebhookEventStatus.PROCESSED, now)
        async with self._database.begin(read.tenant_id) as work:
            _, payment = await lock_payment(work, read.tenant_id, read.id)
            if payment.version != read.version:
                return payment
            woken = await record_picture(work, payment, picture, actor=actor, now=now)
            if not await end_try(work, tried, done):
                return None
            checkpoint(Checkpoint.APPLIED)
            await work.commit()
        checkpoint(Checkpoint.ENDED)
        for operation_id in woken:
            await self._wake.operation(operation_id)
        return None


def _belonging(tried: Try, route: Route | Refused) -> Try:
    if isinstance(route, Refused) or route.found is None:
        return tried
    return tried.of_payment(route.found.payment)


def _note(route: Route | Refused) -> None:
    """From here on the log knows what the try is about."""
    if isinstance(route, Route) and route.found is not None:
        payment = route.found.payment
        bind(tenant_id=payment.tenant_id, payment_id=payment.id)


def _told(problem: GatewayProblem) -> str:
    return f"{type(problem).__name__}: {problem.message}"
