"""What a gateway's answer means for the operation that asked; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import (
    GatewayDeclined,
    GatewayProblem,
    GatewayRefused,
    GatewayUnauthorized,
    GatewayUnreached,
)
from domain.operation import CREATES_INTENT, OperationKind, OperationState
from domain.snapshot import (
    FeeRefundSnapshot,
    IntentSnapshot,
    IntentStatus,
    RefundSnapshot,
)

STATE_CHANGED = "STATE_CHANGED"
"""Detail code: the gateway's state had moved on, so that the action no longer applies."""

NOT_PERFORMED = "NOT_PERFORMED"
"""Detail code: the gateway provably never did it."""

WITHDRAWN = "WITHDRAWN"
"""Detail code: the payment was canceled before its request had reached the gateway."""

NOT_NEEDED = "NOT_NEEDED"
"""Detail code: what was due had changed before it was ever sent."""

_CANCELS = frozenset({OperationKind.CANCEL, OperationKind.CLOSE_INTENT})
_NOT_PAID = frozenset(
    {
        IntentStatus.REQUIRES_PAYMENT_METHOD,
        IntentStatus.REQUIRES_CONFIRMATION,
        IntentStatus.CANCELED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The state that the operation moves to, and what there is to record with it.

    CREATED means that nothing took effect and the same operation may run again.
    """

    state: OperationState
    intent: IntentSnapshot | None = None
    refund: RefundSnapshot | None = None
    fee_refunds: Sequence[FeeRefundSnapshot] = ()
    code: str | None = None
    message: str | None = None
    request_id: str | None = None


NEVER_PERFORMED = Answer(
    state=OperationState.REJECTED,
    code=NOT_PERFORMED,
    message="The gateway never performed the request.",
)
"""What an operation ends with that was proven, or said by a person, to have had no effect."""


def intent_answer(
    kind: OperationKind, intent: IntentSnapshot, request_id: str | None = None
) -> Answer | None:
    """What an intent says about an operation on it; None when it shows no sign of it yet."""
    state = _intent_state(kind, intent.status)
    if state is None:
        return None
    code = STATE_CHANGED if state is OperationState.REJECTED else None
    message = "The payment's state had changed at the gateway." if code else None
    return Answer(state=state, intent=intent, code=code, message=message, request_id=request_id)


def refund_answer(refund: RefundSnapshot, request_id: str | None = None) -> Answer:
    """What a refund says about the operation that asked for it."""
    if refund.has_failed:
        return Answer(
            state=OperationState.REJECTED,
            refund=refund,
            code=refund.failure_reason or "REFUND_FAILED",
            message="The gateway could not return the money.",
            request_id=request_id,
        )
    return Answer(state=OperationState.SUCCEEDED, refund=refund, request_id=request_id)


def fee_refund_answer(returned: FeeRefundSnapshot, request_id: str | None = None) -> Answer:
    """What a fee refund says about the operation that asked for it: it never fails later."""
    return Answer(state=OperationState.SUCCEEDED, fee_refunds=(returned,), request_id=request_id)


def problem_answer(problem: GatewayProblem) -> Answer:
    """What a failed call means. Only a refusal and a decline are final."""
    if isinstance(problem, GatewayDeclined):
        return Answer(
            state=OperationState.DECLINED,
            intent=problem.snapshot,
            code=problem.gateway_code,
            message=problem.message,
            request_id=problem.request_id,
        )
    if isinstance(problem, GatewayRefused):
        state = OperationState.REJECTED
    elif isinstance(problem, GatewayUnreached | GatewayUnauthorized):
        state = OperationState.CREATED
    else:
        state = OperationState.UNKNOWN
    # Stripe's words about a refused key show parts of it, and whose account it is.
    is_key = isinstance(problem, GatewayUnauthorized)
    return Answer(
        state=state,
        code=problem.gateway_code,
        message="the gateway refused the account's key" if is_key else problem.message,
        request_id=problem.request_id,
    )


def _intent_state(kind: OperationKind, status: IntentStatus) -> OperationState | None:
    if kind in CREATES_INTENT:
        return OperationState.DECLINED if status in _NOT_PAID else OperationState.SUCCEEDED
    done, too_late = IntentStatus.SUCCEEDED, IntentStatus.CANCELED
    if kind in _CANCELS:
        done, too_late = too_late, done
    if status is done:
        return OperationState.SUCCEEDED
    return OperationState.REJECTED if status is too_late else None
