"""One mutation, one effect: keys claimed, decisions taken, operations sent, repeats answered.

docs/adr/0004 says why it is two transactions, with no lock held while the gateway is called.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from domain.answers import STATE_CHANGED
from domain.caller import Actor
from domain.checkpoint import Checkpoint, checkpoint
from domain.claiming import check_same_input, new_record
from domain.commands import Command
from domain.deciding import Deciding
from domain.errors import (
    AttemptedOperation,
    DomainError,
    GatewayRejected,
    GatewayUnavailable,
    IdempotencyInProgress,
    InvalidState,
    NotFound,
    OutcomeUnknown,
    PaymentDeclined,
)
from domain.gateway import PaymentGateway
from domain.idempotency import IdempotencyOutcome, IdempotencyRecord
from domain.operation import CREATES_INTENT, Operation, OperationState
from domain.operations import MUTATION_SECONDS, OperationRunner, Outcome
from domain.payment import Payment
from domain.ports import (
    Clock,
    Database,
    DatabaseContended,
    DatabaseUnavailable,
    Wake,
    Work,
)
from domain.progress import SENDING_MAX, mark_sent
from domain.settling import Settler
from domain.tenant import GatewayAccount

CONTENTIONS_MAX = 2
"""How often a decision is taken again."""

_log = logging.getLogger(__name__)

Decide = Callable[[Deciding], Awaitable[tuple[Operation, GatewayAccount]]]

_STATES = {
    IdempotencyOutcome.SUCCEEDED: OperationState.SUCCEEDED,
    IdempotencyOutcome.DECLINED: OperationState.DECLINED,
    IdempotencyOutcome.REJECTED: OperationState.REJECTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Who asks for what."""

    actor: Actor
    tenant_id: str
    attempted: AttemptedOperation
    command: Command

    @property
    def key(self) -> str:
        """The caller's idempotency key."""
        return self.command.idempotency_key


class Performer:
    """Runs calls through the operation protocol."""

    def __init__(
        self, database: Database, gateway: PaymentGateway, wake: Wake, clock: Clock
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._wake = wake
        self._clock = clock
        self._runner = OperationRunner(database, gateway, wake, clock)
        self._settler = Settler(database, gateway, wake, clock)
        self._sending: set[asyncio.Task[Outcome]] = set()

    async def perform(self, call: Call, decide: Decide) -> tuple[Outcome, bool]:
        """What the call came to, and whether an earlier call with its key had done it.

        Raises the decision's errors, IdempotencyConflict, and, from the answer, PaymentDeclined,
        InvalidState or GatewayFailed; DatabaseUnavailable only where nothing was sent.
        """
        claimed = await self._claim_again(call, decide)
        if isinstance(claimed, IdempotencyRecord):
            return await self._repeat(call, claimed), True
        operation, account = claimed
        return await self._carry_out(call, operation, account), False

    async def _claim_again(
        self, call: Call, decide: Decide
    ) -> tuple[Operation, GatewayAccount] | IdempotencyRecord:
        """The decision, taken anew where another transaction stood in its way: nothing of it was
        kept, and the gateway was not called."""
        for _ in range(CONTENTIONS_MAX):
            try:
                return await self._claim(call, decide)
            except DatabaseContended as contended:
                _log.info("a decision is taken again: %s", contended)
        return await self._claim(call, decide)

    async def _claim(
        self, call: Call, decide: Decide
    ) -> tuple[Operation, GatewayAccount] | IdempotencyRecord:
        """The first transaction: what is to be sent, or the record of an earlier call."""
        async with self._database.begin(call.tenant_id) as work:
            fresh = new_record(call.tenant_id, call.attempted, call.command, self._clock)
            existing = await work.keys.claim(fresh)
            if existing is not None:
                check_same_input(existing, fresh)
                return await self._reopen(work, existing) or existing
            at = Deciding(
                work=work,
                gateway=self._gateway,
                tenant_id=call.tenant_id,
                actor=call.actor,
                now=fresh.created_at,
                record_id=fresh.id,
            )
            operation, account = await decide(at)
            await _write_down(work, fresh, operation)
            checkpoint(Checkpoint.DECIDED)
            await work.commit()
        checkpoint(Checkpoint.CLAIMED)
        return operation, account

    async def drain(self) -> None:
        """Waits for the calls that are on their way, so that a shutdown leaves no answer unread."""
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def _carry_out(
        self, call: Call, operation: Operation, account: GatewayAccount
    ) -> Outcome:
        if operation.state is not OperationState.SENDING:
            await self._wake.operation(operation.id)
            outcome = await self._outcome(operation, None)
        else:
            # A caller who hangs up must not cut a call in two: the task runs on without it.
            task = asyncio.create_task(
                self._runner.send(operation, account, call.actor, timeout_seconds=MUTATION_SECONDS)
            )
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
            try:
                outcome = await asyncio.shield(task)
            except DatabaseUnavailable as away:
                # The gateway may have done it, and nobody wrote it down: anything but a failure.
                raise _unknown(await self._payment(operation)) from away
        return _checked(outcome, call.attempted)

    async def _reopen(
        self, work: Work, record: IdempotencyRecord
    ) -> tuple[Operation, GatewayAccount] | None:
        """An operation that reached nothing runs again for the same call; nothing else does. The
        operation's lock decides between two such calls; its key is written under that lock."""
        if record.outcome is not IdempotencyOutcome.OPEN or record.operation_id is None:
            return None
        operation = await work.operations.lock(record.tenant_id, record.operation_id)
        account = await work.tenants.gateway_by_id(operation.gateway_id)
        if operation.state is not OperationState.CREATED or account is None:
            return None
        operation = mark_sent(operation, self._clock.now())
        await work.operations.save(operation)
        await work.keys.save(replace(record, outcome=IdempotencyOutcome.RUNNING))
        await work.commit()
        return operation, account

    async def _repeat(self, call: Call, record: IdempotencyRecord) -> Outcome:
        """The first call's outcome, read again; an unknown one is looked up at the gateway once."""
        if record.operation_id is None:
            raise IdempotencyInProgress(call.key)
        if record.outcome is IdempotencyOutcome.OPEN:
            record = await self._record(record)  # another call has just run it again, or ended it
        operation = await self._operation(record)
        if record.outcome is IdempotencyOutcome.RUNNING:
            if _is_running(operation, self._clock):
                raise IdempotencyInProgress(call.key)
            if operation.state is not OperationState.CREATED:
                await self._settler.read(operation)
            record = await self._record(record)
            operation = await self._operation(record)
        return _checked(await self._outcome(operation, record), call.attempted, replayed=True)

    async def _outcome(self, operation: Operation, record: IdempotencyRecord | None) -> Outcome:
        async with self._database.begin(operation.tenant_id) as work:
            payment = await work.payments.find(operation.tenant_id, operation.payment_id)
            refund = None
            if operation.refund_id is not None:
                refund = await work.refunds.find(operation.tenant_id, operation.refund_id)
        if payment is None:
            raise NotFound(operation.payment_id)
        if record is None:
            return Outcome(operation, payment, refund)
        state = _STATES.get(record.outcome, operation.state)
        return Outcome(
            replace(operation, state=state), payment, refund, record.detail_code, record.message
        )

    async def _payment(self, operation: Operation) -> Payment | None:
        """The payment, None while the database cannot be had."""
        try:
            async with self._database.begin(operation.tenant_id) as work:
                return await work.payments.find(operation.tenant_id, operation.payment_id)
        except DatabaseUnavailable:
            return None

    async def _operation(self, record: IdempotencyRecord) -> Operation:
        async with self._database.begin(record.tenant_id) as work:
            operation = await work.operations.find(record.tenant_id, record.operation_id or "")
        if operation is None:
            raise NotFound(record.id)
        return operation

    async def _record(self, record: IdempotencyRecord) -> IdempotencyRecord:
        async with self._database.begin(record.tenant_id) as work:
            return await work.keys.find(record.tenant_id, record.id) or record


async def _write_down(work: Work, record: IdempotencyRecord, operation: Operation) -> None:
    await work.operations.add(operation)
    done = operation.state is OperationState.SUCCEEDED
    await work.keys.save(
        replace(
            record,
            operation_id=operation.id,
            payment_id=operation.payment_id,
            refund_id=operation.refund_id,
            outcome=IdempotencyOutcome.SUCCEEDED if done else IdempotencyOutcome.RUNNING,
            finished_at=record.created_at if done else None,
        )
    )


def _is_running(operation: Operation, clock: Clock) -> bool:
    if operation.state is not OperationState.SENDING or operation.last_sent_at is None:
        return False
    return clock.now() - operation.last_sent_at < SENDING_MAX


def _checked(outcome: Outcome, attempted: AttemptedOperation, *, replayed: bool = False) -> Outcome:
    """The outcome when it is a success, else the error that it means."""
    state = outcome.operation.state
    if state is OperationState.SUCCEEDED:
        return outcome
    if state is OperationState.DECLINED and outcome.operation.kind in CREATES_INTENT:
        raise PaymentDeclined(outcome.payment, replayed=replayed)
    if state in {OperationState.DECLINED, OperationState.REJECTED}:
        raise _rejection(outcome, attempted)
    if state is OperationState.CREATED and outcome.operation.attempts > 0:
        raise GatewayUnavailable(
            f"Nothing was done: {outcome.message or 'the gateway could not be reached'}.",
            detail_code=outcome.code,
            payment=outcome.payment,
        )
    raise _unknown(outcome.payment)


def _rejection(outcome: Outcome, attempted: AttemptedOperation) -> DomainError:
    message = outcome.message or "The gateway refused the request."
    if outcome.code == STATE_CHANGED:
        return InvalidState(
            message, detail_code=STATE_CHANGED, attempted=attempted, payment=outcome.payment
        )
    return GatewayRejected(message, detail_code=outcome.code, payment=outcome.payment)


def _unknown(payment: Payment | None) -> OutcomeUnknown:
    return OutcomeUnknown("The outcome is not known yet; it will be settled.", payment=payment)
