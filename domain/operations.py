"""The operation protocol: the one way in which a request that may move money is made.

1. One transaction claims the idempotency key, locks, decides, writes the payment or refund and the
   operation with its exact request (`services`).
2. The gateway is called with no lock and no connection held.
3. One transaction locks again, applies the answer, finishes the operation and its key (here).

The settler sends and records through the same code.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from domain.alert_rules import AlertRule
from domain.answers import Answer
from domain.applying import fail_without_intent
from domain.asking import Asking
from domain.audit_lines import unknown_entry
from domain.bound import bound
from domain.caller import Actor
from domain.checkpoint import Checkpoint, checkpoint
from domain.errors import NotFound, SnapshotMismatch
from domain.fee_refunding import follow_fee_refund, record_fee_refunds
from domain.gateway import PaymentGateway
from domain.idempotency import IdempotencyOutcome
from domain.operation import CREATES_INTENT, OPEN, Operation, OperationKind, OperationState
from domain.payment import Payment
from domain.ports import Clock, Database, DatabaseUnavailable, Wake, Work
from domain.progress import answered, has_moved, is_stale, mark_sent
from domain.recording import (
    Recorded,
    lock_payment,
    record_intent,
    save_operation,
    save_payment,
)
from domain.refund import Refund, RefundStatus
from domain.refunding import RecordedRefund, RefundTooEarly, record_refund, save_refund
from domain.snapshot import Decline
from domain.tenant import GatewayAccount

MUTATION_SECONDS = 15.0
"""How long a caller's mutation waits for the gateway."""

RECORD_PAUSES_SECONDS = (0.2, 0.5, 1.0)
"""How long a database that refused an answer is left alone before it is asked again, each time."""

_OUTCOMES = {
    OperationState.CREATED: IdempotencyOutcome.OPEN,
    OperationState.SUCCEEDED: IdempotencyOutcome.SUCCEEDED,
    OperationState.DECLINED: IdempotencyOutcome.DECLINED,
    OperationState.REJECTED: IdempotencyOutcome.REJECTED,
}
_log = logging.getLogger(__name__)


def about(operation: Operation) -> AbstractContextManager[None]:
    """Within it the log, and whoever watches over calls, know what is being done."""
    return bound(
        tenant_id=operation.tenant_id,
        payment_id=operation.payment_id,
        operation_id=operation.id,
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where an operation stands, with its subjects. `code` and `message` tell of a refusal."""

    operation: Operation
    payment: Payment
    refund: Refund | None = None
    code: str | None = None
    message: str | None = None


class OperationRunner:
    """Sends operations and records their answers."""

    def __init__(
        self, database: Database, gateway: PaymentGateway, wake: Wake, clock: Clock
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._wake = wake
        self._clock = clock
        self._asking = Asking(database, gateway, clock)

    async def send(
        self, operation: Operation, account: GatewayAccount, actor: Actor, *, timeout_seconds: float
    ) -> Outcome:
        """Calls the gateway once and records the answer. The operation must be marked as sent.

        Raises DatabaseUnavailable when the answer could not be kept; the settler reads it again.
        """
        answer = await self.ask(operation, account, timeout_seconds=timeout_seconds)
        checkpoint(Checkpoint.ANSWERED)
        return await self.keep(operation, answer, actor)

    async def keep(self, operation: Operation, answer: Answer, actor: Actor) -> Outcome:
        """Records the answer, again and again if the database was away. Raises
        DatabaseUnavailable."""
        for pause in RECORD_PAUSES_SECONDS:
            try:
                return await self.record(operation, answer, actor)
            except DatabaseUnavailable as away:
                _log.warning("the answer to operation %s is recorded again: %s", operation.id, away)
                await asyncio.sleep(pause)
        return await self.record(operation, answer, actor)

    async def ask(
        self, operation: Operation, account: GatewayAccount, *, timeout_seconds: float
    ) -> Answer:
        """Calls the gateway once; what went wrong there is an answer too. A process that stood
        still since it marked the operation as sent does not: the settler has taken it over."""
        if is_stale(operation, self._clock.now()):
            return Answer(state=OperationState.UNKNOWN, message="It was too late to send it.")
        with about(operation):
            return await self._asking.ask(operation, account, timeout_seconds=timeout_seconds)

    async def mark_sent(self, operation: Operation, *, key: str | None = None) -> Operation | None:
        """Notes, before the call, that the operation is on its way; completes its request.

        None when the operation moved on since it was read: it must not be sent then. A fresh `key`
        is for cancels alone, which have the same effect however often they run.
        """
        now = self._clock.now()
        async with self._database.begin(operation.tenant_id) as work:
            payment = await work.payments.find(operation.tenant_id, operation.payment_id)
            current = await work.operations.lock(operation.tenant_id, operation.id)
            if payment is None:
                raise NotFound(operation.payment_id)
            if has_moved(current, operation):
                return None
            keyed = replace(current, gateway_key=key or current.gateway_key)
            sent = mark_sent(self._with_request(keyed, payment), now)
            await work.operations.save(sent)
            await work.commit()
        return sent

    async def record(self, operation: Operation, answer: Answer, actor: Actor) -> Outcome:
        """Applies the answer to the attempt that `operation` is, in one transaction. Harmless when
        it was settled before; without a snapshot, also when it was sent again since."""
        try:
            return await self._record(operation, answer, actor)
        except RefundTooEarly as early:
            doubt = Answer(state=OperationState.UNKNOWN, message=str(early))
            return await self._record(operation, doubt, actor)
        except SnapshotMismatch as mismatch:
            await self._asking.alert(
                operation,
                AlertRule.OPERATION_SNAPSHOT_MISMATCH,
                operation.id,
                str(mismatch),
            )
            doubt = Answer(state=OperationState.UNKNOWN, message=str(mismatch))
            return await self._record(operation, doubt, actor)

    async def _record(self, operation: Operation, answer: Answer, actor: Actor) -> Outcome:
        now = self._clock.now()
        async with self._database.begin(operation.tenant_id) as work:
            recorded = await self._apply(work, operation, answer, actor, now)
            woken = recorded.operation_ids
            current = await work.operations.lock(operation.tenant_id, operation.id)
            if current.state in OPEN and (_is_proof(answer) or not has_moved(current, operation)):
                before, current = current, answered(current, answer, now)
                await save_operation(work, before, current, now)
                if _is_lost(before, current):
                    line = unknown_entry(current, recorded.payment, actor, now)
                    await work.audit.append(line)
                await _finish_key(work, current, answer, now)
                if current.kind is OperationKind.FEE_REFUND and current.state not in OPEN:
                    woken += await follow_fee_refund(work, current, recorded.payment, answer, now)
            checkpoint(Checkpoint.RECORDED)
            await work.commit()
        checkpoint(Checkpoint.KEPT)
        with about(operation):
            _log.info("operation %s (%s) is %s", current.id, current.kind, current.state)
        for operation_id in woken:
            await self._wake.operation(operation_id)
        refund = recorded.refund if isinstance(recorded, RecordedRefund) else None
        return Outcome(current, recorded.payment, refund, answer.code, answer.message)

    async def _apply(
        self, work: Work, operation: Operation, answer: Answer, actor: Actor, now: datetime
    ) -> Recorded:
        tenant_id, payment_id = operation.tenant_id, operation.payment_id
        if answer.intent is not None:
            return await record_intent(
                work, tenant_id, payment_id, answer.intent, actor=actor, now=now
            )
        if answer.refund is not None:
            return await record_refund(
                work, tenant_id, payment_id, answer.refund, actor=actor, now=now
            )
        if answer.fee_refunds:
            return await record_fee_refunds(
                work, tenant_id, payment_id, answer.fee_refunds, actor=actor, now=now
            )
        if answer.state in {OperationState.REJECTED, OperationState.DECLINED}:
            return await self._undo(work, operation, answer, actor, now)
        return await self._read(work, operation)

    async def _undo(
        self, work: Work, operation: Operation, answer: Answer, actor: Actor, now: datetime
    ) -> Recorded:
        """What was reserved for an operation that the gateway refused outright is given back."""
        order, payment = await lock_payment(work, operation.tenant_id, operation.payment_id)
        current = await work.operations.lock(operation.tenant_id, operation.id)
        if has_moved(current, operation):
            return await self._read(work, operation)
        if operation.refund_id is not None:
            refund = await work.refunds.find(operation.tenant_id, operation.refund_id)
            if refund is None:
                raise NotFound(operation.refund_id)
            if refund.status is not RefundStatus.REQUESTED:
                return RecordedRefund(payment, refund=refund)
            failed = replace(refund, status=RefundStatus.FAILED, failure_reason=answer.code)
            return await save_refund(work, order, payment, refund, failed, actor=actor, now=now)
        if operation.kind in CREATES_INTENT and payment.gateway_payment_id is None:
            decline = Decline(code=answer.code, decline_code=None, message=answer.message)
            failed_payment = fail_without_intent(payment, decline, now)
            saved = await save_payment(work, order, payment, failed_payment, actor=actor, now=now)
            return Recorded(saved)
        return Recorded(payment)

    async def _read(self, work: Work, operation: Operation) -> Recorded:
        payment = await work.payments.find(operation.tenant_id, operation.payment_id)
        if payment is None:
            raise NotFound(operation.payment_id)
        if operation.refund_id is None:
            return Recorded(payment)
        refund = await work.refunds.find(operation.tenant_id, operation.refund_id)
        return RecordedRefund(payment, refund=refund)

    def _with_request(self, operation: Operation, payment: Payment) -> Operation:
        if operation.request.path:
            return operation
        if operation.kind is OperationKind.FEE_REFUND and operation.amount is not None:
            request = self._gateway.fee_refund_request(
                payment, operation.amount, operation_id=operation.id
            )
        else:
            abandoned = operation.kind is OperationKind.CLOSE_INTENT
            request = self._gateway.cancel_request(payment, abandoned=abandoned)
        return replace(operation, request=request)


def _is_proof(answer: Answer) -> bool:
    """Whether the gateway's own object ends the operation, whichever attempt brought it about."""
    if answer.fee_refunds:
        # Beside a refusal they tell what else went back, not what came of this request.
        return answer.state is OperationState.SUCCEEDED
    has_snapshot = answer.intent is not None or answer.refund is not None
    return has_snapshot and answer.state not in OPEN


def _is_lost(before: Operation, after: Operation) -> bool:
    """Whether it is the first of its sends whose answer was lost."""
    was_sent = before.state is OperationState.SENDING and after.attempts == 1
    return was_sent and after.state is OperationState.UNKNOWN


async def _finish_key(work: Work, operation: Operation, answer: Answer, now: datetime) -> None:
    outcome = _OUTCOMES.get(operation.state)
    if operation.idempotency_record_id is None or outcome is None:
        return
    record = await work.keys.find(operation.tenant_id, operation.idempotency_record_id)
    if record is None:
        raise NotFound(operation.idempotency_record_id)
    await work.keys.save(
        replace(
            record,
            outcome=outcome,
            detail_code=answer.code,
            message=answer.message,
            finished_at=None if outcome is IdempotencyOutcome.OPEN else now,
        )
    )
