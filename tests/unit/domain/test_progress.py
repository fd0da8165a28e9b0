"""Answers of the gateway and what an operation becomes by them."""

from datetime import timedelta

import pytest

from domain.answers import Answer, intent_answer, problem_answer, refund_answer
from domain.errors import (
    GatewayDeclined,
    GatewayProblem,
    GatewayRefused,
    GatewayUnauthorized,
    GatewayUnknown,
    GatewayUnreached,
)
from domain.operation import TRANSITIONS, OperationKind, OperationState
from domain.progress import UNCLAIMED_MAX, answered, mark_sent, next_look
from domain.snapshot import GatewayRefundStatus, IntentStatus
from tests.builders import NOW, a_gateway_refund, a_refund, an_intent, an_operation

S = IntentStatus
DONE, TOO_LATE, NO_SIGN = OperationState.SUCCEEDED, OperationState.REJECTED, None
DECLINED = OperationState.DECLINED


@pytest.mark.parametrize(
    ("kind", "states"),
    [
        (
            OperationKind.CHARGE,
            [DECLINED, DECLINED, DONE, DONE, DONE, DECLINED, DONE],
        ),
        (
            OperationKind.AUTHORIZE,
            [DECLINED, DECLINED, DONE, DONE, DONE, DECLINED, DONE],
        ),
        (OperationKind.CAPTURE, [NO_SIGN, NO_SIGN, NO_SIGN, NO_SIGN, NO_SIGN, TOO_LATE, DONE]),
        (OperationKind.CANCEL, [NO_SIGN, NO_SIGN, NO_SIGN, NO_SIGN, NO_SIGN, DONE, TOO_LATE]),
        (OperationKind.CLOSE_INTENT, [NO_SIGN, NO_SIGN, NO_SIGN, NO_SIGN, NO_SIGN, DONE, TOO_LATE]),
    ],
)
def test_what_an_intent_says(kind: OperationKind, states: list[OperationState | None]) -> None:
    """Each status of an intent shows an operation done, come too late, or gives no sign of it."""
    answers = [intent_answer(kind, an_intent(status)) for status in S]

    assert [answer.state if answer else None for answer in answers] == states


@pytest.mark.parametrize(
    ("problem", "state"),
    [
        (GatewayDeclined("no", snapshot=None), OperationState.DECLINED),
        (GatewayRefused("bad"), OperationState.REJECTED),
        (GatewayUnreached("away"), OperationState.CREATED),
        (GatewayUnauthorized("key"), OperationState.CREATED),
        (GatewayUnknown("lost"), OperationState.UNKNOWN),
    ],
)
def test_what_a_problem_means(problem: GatewayProblem, state: OperationState) -> None:
    """Only a decline and a refusal are final; what is lost is unknown, never failed."""
    assert problem_answer(problem).state is state


def test_a_refused_key_is_not_described_to_the_caller() -> None:
    """The gateway's words about a key show parts of it, and name the account; its words about the
    request are passed on."""
    key = GatewayUnauthorized("Invalid API Key provided: sk_live_****1234", gateway_code="expired")
    request = GatewayRefused("No such PaymentMethod: 'pm_1'")

    assert problem_answer(key).message == "the gateway refused the account's key"
    assert problem_answer(key).code == "expired"
    assert problem_answer(request).message == "No such PaymentMethod: 'pm_1'"


@pytest.mark.parametrize("status", list(GatewayRefundStatus))
def test_what_a_refund_says(status: GatewayRefundStatus) -> None:
    """A refund that failed or was canceled rejects the operation that asked for it."""
    answer = refund_answer(a_gateway_refund(a_refund(), status=status))

    rejected = status in {GatewayRefundStatus.FAILED, GatewayRefundStatus.CANCELED}
    assert answer.state is (OperationState.REJECTED if rejected else OperationState.SUCCEEDED)


@pytest.mark.parametrize(
    "before", [OperationState.CREATED, OperationState.SENDING, OperationState.UNKNOWN]
)
@pytest.mark.parametrize(
    "after",
    [
        OperationState.SUCCEEDED,
        OperationState.DECLINED,
        OperationState.REJECTED,
        OperationState.UNKNOWN,
        OperationState.CREATED,
    ],
)
def test_answers_keep_to_the_table(before: OperationState, after: OperationState) -> None:
    """An operation moves along its table; one already unknown never counts as not sent."""
    operation = mark_sent(an_operation(state=before), NOW)

    moved = answered(operation, Answer(state=after), NOW)

    assert moved.state is operation.state or moved.state in TRANSITIONS[operation.state]
    if operation.state is OperationState.UNKNOWN and after is OperationState.CREATED:
        assert moved.state is OperationState.UNKNOWN


def test_a_released_operation_waits_for_its_caller() -> None:
    """Nothing reached the gateway: a caller's operation waits 15 minutes, the worker's own 5 s."""
    released = Answer(state=OperationState.CREATED)

    assert answered(an_operation(), released, NOW).due_at == NOW + UNCLAIMED_MAX
    own = an_operation(idempotency_record_id=None)
    assert answered(own, released, NOW).due_at == NOW + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("age", "wait"),
    [(0, 5), (59, 5), (60, 30), (599, 30), (600, 300), (3599, 300), (3600, 3600), (90_000, 3600)],
)
def test_looks_grow_rarer(age: int, wait: int) -> None:
    """An operation is looked at every few seconds first, hourly in the end."""
    now = NOW + timedelta(seconds=age)

    assert next_look(an_operation(), now) == now + timedelta(seconds=wait)


def test_the_first_send_is_remembered() -> None:
    """Sending again moves the last send only, so that the window of a key is never stretched."""
    later = NOW + timedelta(minutes=5)

    again = mark_sent(an_operation(state=OperationState.UNKNOWN), later)

    assert (again.first_sent_at, again.last_sent_at, again.attempts) == (NOW, later, 2)
    assert again.state is OperationState.UNKNOWN
