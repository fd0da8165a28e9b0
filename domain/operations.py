"""The operation protocol: the one way in which a request that may move money is made.

1. One transaction claims the idempotency key, locks, decides, writes the payment or refund and the
   operation with its exact request (`services`).
2. The gateway is called with no lock and no connection held.
3. One transaction locks again, applies the answer, finishes the operation and its key (here).

The settler sends and records through the same code.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime

from domain.answers import Answer, intent_answer, problem_answer, refund_answer
from domain.applying import fail_without_intent
from domain.audit import Alert, AlertSeverity
from domain.caller import Actor
from domain.errors import GatewayProblem, GatewayRefused, NotFound, SnapshotMismatch
from domain.gateway import PaymentGateway
from domain.idempotency import IdempotencyOutcome
from domain.ids import Prefix, new_id
from domain.operation import CREATES_INTENT, OPEN, Operation, OperationKind, OperationState
from domain.payment import Payment
from domain.progress import answered, mark_sent
from domain.ports import Clock, Database, Wake, Work
from domain.recording import Recorded, lock_payment, record_intent, save_payment
from domain.refund import Refund, RefundStatus
from domain.refunding import RecordedRefund, record_refund, save_refund
from domain.snapshot import Decline
from domain.tenant import GatewayAccount

MUTATION_SECONDS = 15.0
"""How long a caller's mutation waits for the gateway."""

JOB_SECONDS = 6.0
"""How long a job waits for the gateway."""

_OUTCOMES = {
    OperationState.CREATED: IdempotencyOutcome.OPEN,
    OperationState.SUCCEEDED: IdempotencyOutcome.SUCCEEDED,
    OperationState.DECLINED: IdempotencyOutcome.DECLINED,
    OperationState.REJECTED: IdempotencyOutcome.REJECTED,
}
_log = logging.getLogger(__name__)


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

    async def send(
        self, operation: Operation, account: GatewayAccount, actor: Actor, *, timeout_seconds: float
    ) -> Outcome:
        """Calls the gateway once and records the answer. The operation must be marked as sent."""
        answer = await self._ask(operation, account, timeout_seconds)
        return await self.record(operation, answer, actor)

    async async def _finish_key(work: Work, operation: Operation, answer: Answer, now: datetime) -> None:
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
