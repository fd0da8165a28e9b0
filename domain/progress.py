"""How an operation moves on: sent, answered, looked at again. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from domain.answers import Answer
from domain.operation import Operation, OperationState

SENDING_MAX = timedelta(seconds=30)
"""A call that has been SENDING for longer has lost its process: it counts as UNKNOWN."""

UNCLAIMED_MAX = timedelta(minutes=15)
"""How long an operation that never reached the gateway waits for its caller to repeat the call."""

_LOOKS = (
    (timedelta(minutes=1), timedelta(seconds=5)),
    (timedelta(minutes=10), timedelta(seconds=30)),
    (timedelta(hours=1), timedelta(minutes=5)),
)
_LATER_LOOKS = timedelta(hours=1)



def mark_sent(self, operation: Operation, *, key: str | None = None) -> Operation:
        """Notes, before the call, that the operation is on its way; completes its request.

        A fresh `key` is for cancels alone, which have the same effect however often they run.
        """
        now = self._clock.now()
        async with self._database.begin(operation.tenant_id) as work:
            payment = await work.payments.find(operation.tenant_id, operation.payment_id)
            current = await work.operations.lock(operation.tenant_id, operation.id)
            if payment is None:
                raise NotFound(operation.payment_id)
            keyed = replace(current, gateway_key=key or current.gateway_key)
            sent = mark_sent(self._with_request(keyed, payment), now)
            await work.operations.save(sent)
            await work.commit()
        return sent

    async def record(self, operation: Operation, answer: Answer, actor: Actor) -> Outcome:
        """Applies an answer in one transaction. Harmless when the operation was settled before."""
        try:
            return await self._record(operation, answer, actor)
        except SnapshotMismatch as mismatch:
            await self._alert(operation, str(mismatch))
            doubt = Answer(state=OperationState.UNKNOWN, message=str(mismatch))
            return await self._record(operation, doubt, actor)

    async def _ask(
        self, operation: Operation, account: GatewayAccount, timeout_seconds: float
    ) -> Answer:
        try:
            if operation.kind is OperationKind.REFUND:
                refund = await self._gateway.send_refund(
                    account,
                    operation.request,
                    key=operation.gateway_key,
                    timeout_seconds=timeout_seconds,
                )
                return refund_answer(refund.snapshot, refund.request_id)
            intent = await self._gateway.send_intent(
                account,
                operation.request,
                key=operation.gateway_key,
                timeout_seconds=timeout_seconds,
            )
        except GatewayProblem as problem:
            return await self._explain(operation, account, problem, timeout_seconds)
        answer = intent_answer(operation.kind, intent.snapshot, intent.request_id)
        return answer or Answer(
            state=OperationState.UNKNOWN, intent=intent.snapshot, request_id=intent.request_id
        )

    async def _explain(
        self,
        operation: Operation,
        account: GatewayAccount,
        problem: GatewayProblem,
        timeout_seconds: float,
    ) -> Answer:
        """A refusal to change an intent means that it moved on: adopt the truth, if it tells."""
        _log.warning(
            "operation %s (%s): %s: %s",
            operation.id,
            operation.kind,
            type(problem).__name__,
            problem.message,
        )
        answer = problem_answer(problem)
        changes_intent = operation.kind not in {*CREATES_INTENT, OperationKind.REFUND}
        if not (changes_intent and isinstance(problem, GatewayRefused)):
            return answer
        intent_id = operation.request.path.split("/")[3]
        try:
            intent = await self._gateway.read_intent(
                account, intent_id, timeout_seconds=timeout_seconds
            )
        except GatewayProblem:
            return replace(answer, state=OperationState.UNKNOWN)
        return intent_answer(operation.kind, intent) or replace(answer, intent=intent)

    async def _record(self, operation: Operation, answer: Answer, actor: Actor) -> Outcome:
        now = self._clock.now()
        async with self._database.begin(operation.tenant_id) as work:
            recorded = await self._apply(work, operation, answer, actor, now)
            current = await work.operations.lock(operation.tenant_id, operation.id)
            if current.state in OPEN:
                current = _moved(current, answer, now)
                await work.operations.save(current)
                await _finish_key(work, current, answer, now)
            await work.commit()
        for operation_id in recorded.operation_ids:
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
        if answer.state in {OperationState.REJECTED, OperationState.DECLINED}:
            return await self._undo(work, operation, answer, actor, now)
        return await self._read(work, operation)

    async def _undo(
        self, work: Work, operation: Operation, answer: Answer, actor: Actor, now: datetime
    ) -> Recorded:
        """What was reserved for an operation that the gateway refused outright is given back."""
        order, payment = await lock_payment(work, operation.tenant_id, operation.payment_id)
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
        abandoned = operation.kind is OperationKind.CLOSE_INTENT
        request = self._gateway.cancel_request(payment, abandoned=abandoned)
        return replace(operation, request=request)

    async def _alert(self, operation: Operation, message: str) -> None:
        now = self._clock.now()
        async with self._database.begin(operation.tenant_id) as work:
            await work.alerts.open(
                Alert(
                    id=new_id(Prefix.ALERT),
                    rule="operation.snapshot_mismatch",
                    severity=AlertSeverity.CRITICAL,
                    subject_id=operation.id,
                    message=message,
                    tenant_id=operation.tenant_id,
                    opened_at=now,
                )
            )
            await work.commit()


def mark_sent(operation: Operation, now: datetime) -> Operation:
    """The operation as it is while its request is on its way."""
    starts = operation.state is OperationState.CREATED
    return replace(
        operation,
        state=OperationState.SENDING if starts else operation.state,
        attempts=operation.attempts + 1,
        first_sent_at=now if starts else operation.first_sent_at or now,
        last_sent_at=now,
        absent_at=None,
        updated_at=now,
    )


def next_look(operation: Operation, now: datetime) -> datetime:
    """When the settler looks again: often while the operation is young, hourly in the end."""
    age = now - (operation.first_sent_at or operation.created_at)
    return now + next((wait for limit, wait in _LOOKS if age < limit), _LATER_LOOKS)


def answered(operation: Operation, answer: Answer, now: datetime) -> Operation:
    """The operation after an answer, and when it is looked at next if that was not the end."""
    state, due_at = answer.state, operation.due_at
    if state is OperationState.CREATED and operation.state is OperationState.UNKNOWN:
        state = OperationState.UNKNOWN  # an earlier attempt may still have reached the gateway
    if state is OperationState.UNKNOWN:
        due_at = next_look(operation, now)
    if state is OperationState.CREATED:
        waits_for_caller = operation.idempotency_record_id is not None
        due_at = now + UNCLAIMED_MAX if waits_for_caller else next_look(operation, now)
    return replace(
        operation,
        state=state,
        error=answer.message,
        gateway_request_id=answer.request_id or operation.gateway_request_id,
        due_at=due_at,
        updated_at=now,
    )


