"""The settler: brings every operation that is not finished to its end.

It works on PostgreSQL and the gateway alone. What was never sent is sent or given up, what was lost
is read, sent again under the same key while that is safe, or proven absent. Nothing is called
failed because it could not be read: docs/adr/0005.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, timedelta

from domain.answers import (
    NEVER_PERFORMED,
    NOT_NEEDED,
    STATE_CHANGED,
    Answer,
)
from domain.audit_lines import asked_entry
from domain.caller import Actor
from domain.checkpoint import Checkpoint, checkpoint
from domain.errors import GatewayProblem, NotFound
from domain.fee_returning import due_fee_refund
from domain.gateway import PaymentGateway
from domain.operation import CREATES_INTENT, Operation, OperationKind, OperationState
from domain.operation_reads import (
    JOB_SECONDS,
    RESEND_MAX,
    IntentListings,
    RecentListings,
    find_effect,
    sent_between,
)
from domain.operations import OperationRunner, about
from domain.payment import LIVE, VOIDED, Payment
from domain.ports import Clock, Database, DatabaseUnavailable, Wake
from domain.progress import (
    SENDING_MAX,
    has_moved,
    next_look,
    reviewed_if_old,
    unsent_operation,
)
from domain.recording import SETTLER, lock_payment, save_operation
from domain.tenant import GatewayAccount

LEASE = timedelta(seconds=30)
"""How long a worker may look at an operation before another may."""

LISTINGS_APART = timedelta(minutes=5)
"""How far apart two complete listings must be to prove absence."""

_CANCELS = frozenset({OperationKind.CANCEL, OperationKind.CLOSE_INTENT})
_SUCCEEDED = Answer(state=OperationState.SUCCEEDED)
_log = logging.getLogger(__name__)


class Settler:
    """Settles operations, one at a time per operation, several side by side."""

    def __init__(
        self, database: Database, gateway: PaymentGateway, wake: Wake, clock: Clock
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._clock = clock
        self._wake = wake
        self._recent: RecentListings = {}
        self._runner = OperationRunner(database, gateway, wake, clock)

    async def settle_due(self, limit: int = 20) -> int:
        """Looks at up to `limit` operations that are due; returns how many it looked at. Raises
        DatabaseUnavailable; any other fault of a look is logged and leaves the operation open."""
        now = self._clock.now()
        async with self._database.begin_across_tenants() as work:
            operations = await work.operations.claim_due(
                now, lease_until=now + LEASE, sending_before=now - SENDING_MAX, limit=limit
            )
            await work.commit()
        listings = self._listings()
        looks = (self._look(operation, listings) for operation in operations)
        results = await asyncio.gather(*looks, return_exceptions=True)
        for operation, result in zip(operations, results, strict=True):
            if isinstance(result, DatabaseUnavailable) or not isinstance(result, Exception | None):
                raise result
            if result is not None:
                # A fault of ours: it comes back with its lease, and holds up no other.
                _log.error("operation %s was not looked at", operation.id, exc_info=result)
        return len(operations)

    async def settle(self, operation_id: str) -> None:
        """Looks at one operation now, unless it is finished, not due, or looked at elsewhere."""
        now = self._clock.now()
        async with self._database.begin_across_tenants() as work:
            operation = await work.operations.claim(
                operation_id, now, lease_until=now + LEASE, sending_before=now - SENDING_MAX
            )
            await work.commit()
        if operation is not None:
            await self._look(operation, self._listings())

    async def read(self, operation: Operation, actor: Actor = SETTLER) -> None:
        """Reads the gateway once about an unknown outcome and records what it shows, as found by
        `actor`. Sends nothing, so that it needs no lease."""
        listings = self._listings()
        with about(operation):
            payment, account = await self._subjects(operation)
            try:
                answer = await find_effect(self._gateway, listings, operation, payment, account)
            except GatewayProblem as problem:
                _log.warning("operation %s was not read: %s", operation.id, problem.message)
                return
            if answer is not None:
                await self._adopt(operation, answer, actor)

    def _listings(self) -> IntentListings:
        return IntentListings(self._gateway, self._clock, self._recent)

    async def _look(self, operation: Operation, listings: IntentListings) -> None:
        checkpoint(Checkpoint.LEASED)
        with about(operation):
            payment, account = await self._subjects(operation)
            try:
                if operation.state is OperationState.CREATED:
                    await self._begin(operation, payment, account)
                else:
                    await self._resolve(operation, payment, account, listings)
            except GatewayProblem as problem:
                _log.warning("operation %s stays open: %s", operation.id, problem.message)
                await self._postpone(operation)

    async def _begin(self, operation: Operation, payment: Payment, account: GatewayAccount) -> None:
        """An operation that was never sent: the worker's own is sent, a caller's is given up."""
        if operation.kind is OperationKind.FEE_REFUND:
            await self._begin_fee_refund(operation, payment, account)
        elif operation.kind not in _CANCELS or _was_released(operation):
            await self._give_up(operation)
        elif payment.status in VOIDED and payment.intent_closed_at is not None:
            await self._runner.record(operation, _SUCCEEDED, SETTLER)
        elif operation.kind is OperationKind.CANCEL and payment.status not in LIVE:
            state = (
                OperationState.SUCCEEDED if payment.status in VOIDED else OperationState.REJECTED
            )
            await self._runner.record(operation, Answer(state=state, code=STATE_CHANGED), SETTLER)
        elif payment.gateway_payment_id is None:
            await self._postpone(operation)
        else:
            await self._send(operation, account)

    async def _begin_fee_refund(
        self, operation: Operation, payment: Payment, account: GatewayAccount
    ) -> None:
        if due_fee_refund(payment) == operation.amount:
            await self._send(operation, account)
        else:
            # Refunds came or failed since: its end plans another of what is due by now.
            obsolete = Answer(state=OperationState.REJECTED, code=NOT_NEEDED)
            await self._runner.record(operation, obsolete, SETTLER)

    async def _resolve(
        self,
        operation: Operation,
        payment: Payment,
        account: GatewayAccount,
        listings: IntentListings,
    ) -> None:
        """An operation whose answer was lost: read, else send again, else prove it absent."""
        answer = await find_effect(self._gateway, listings, operation, payment, account)
        if answer is not None:
            await self._adopt(operation, answer)
        elif self._clock.now() - sent_between(operation)[0] <= RESEND_MAX:
            await self._send(operation, account)
        elif operation.kind in _CANCELS:
            key = f"{operation.id}-{operation.attempts}"
            await self._send(operation, account, key=key)
        else:
            await self._prove_absent(operation)

    async def _adopt(self, operation: Operation, answer: Answer, actor: Actor = SETTLER) -> None:
        """Records what was found. An intent found too late for its caller is canceled again."""
        outcome = await self._runner.record(operation, answer, actor)
        late = self._clock.now() - sent_between(operation)[0] > RESEND_MAX
        if late and operation.kind in CREATES_INTENT and outcome.payment.status in LIVE:
            await self._cancel_late(outcome.payment)

    async def _cancel_late(self, payment: Payment) -> None:
        async with self._database.begin(payment.tenant_id) as work:
            await lock_payment(work, payment.tenant_id, payment.id)
            open_operations = await work.operations.open_of_payment(payment.tenant_id, payment.id)
            if any(found.kind is OperationKind.CANCEL for found in open_operations):
                return
            now = self._clock.now()
            cancel = unsent_operation(OperationKind.CANCEL, payment, now)
            await work.operations.add(cancel)
            found_late = "It was found at the gateway too late for its caller."
            await work.audit.append(asked_entry("cancel", payment, SETTLER, now, reason=found_late))
            await work.commit()
        await self._wake.operation(cancel.id)

    async def _prove_absent(self, operation: Operation) -> None:
        """Two complete listings, apart, the first well after the last send, prove that the gateway
        never did it; this is called after a listing that did not show it."""
        now = self._clock.now()
        _, last_sent = sent_between(operation)
        if operation.absent_at is not None and now - operation.absent_at >= LISTINGS_APART:
            await self._give_up(operation)
        elif operation.absent_at is None and now - last_sent >= RESEND_MAX:
            await self._postpone(replace(operation, absent_at=now), until=now + LISTINGS_APART)
        else:
            await self._postpone(operation)

    async def _give_up(self, operation: Operation) -> None:
        await self._runner.record(operation, NEVER_PERFORMED, SETTLER)

    async def _send(
        self, operation: Operation, account: GatewayAccount, *, key: str | None = None
    ) -> None:
        sent = await self._runner.mark_sent(operation, key=key)
        if sent is None:
            return
        checkpoint(Checkpoint.SENT_AGAIN)
        answer = await self._runner.ask(sent, account, timeout_seconds=JOB_SECONDS)
        if answer.state is OperationState.CREATED and sent.idempotency_record_id is not None:
            # Its caller was told that it will be settled, so that it is not handed back.
            answer = replace(answer, state=OperationState.UNKNOWN)
        await self._runner.keep(sent, answer, SETTLER)

    async def _postpone(self, operation: Operation, *, until: datetime | None = None) -> None:
        now = self._clock.now()
        async with self._database.begin(operation.tenant_id) as work:
            current = await work.operations.lock(operation.tenant_id, operation.id)
            if not has_moved(current, operation):
                due_at = until or next_look(current, now)
                later = replace(
                    current, due_at=due_at, absent_at=operation.absent_at, updated_at=now
                )
                after = later if until else reviewed_if_old(later, now)
                await save_operation(work, current, after, now)
                await work.commit()

    async def _subjects(self, operation: Operation) -> tuple[Payment, GatewayAccount]:
        async with self._database.begin(operation.tenant_id) as work:
            payment = await work.payments.find(operation.tenant_id, operation.payment_id)
            account = await work.tenants.gateway_by_id(operation.gateway_id)
        if payment is None or account is None:
            raise NotFound(operation.payment_id)
        return payment, account


def _was_released(operation: Operation) -> bool:
    """Whether it was sent for a caller, reached nothing, and the caller never came back."""
    return operation.attempts > 0 and operation.idempotency_record_id is not None
