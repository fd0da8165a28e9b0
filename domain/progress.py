"""How an operation moves on: made, sent, answered, looked at again. No I/O."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from domain.answers import Answer
from domain.ids import Prefix, new_id
from domain.operation import OPEN, GatewayRequest, Operation, OperationKind, OperationState
from domain.payment import Payment

SENDING_MAX = timedelta(seconds=30)
"""A call that has been SENDING for longer has lost its process: it counts as UNKNOWN."""

REVIEW_AFTER = timedelta(hours=24)
"""How long after its first send an operation that nothing tells of is left to the settler. Then it
is for people: it is never called failed because it could not be read."""

UNCLAIMED_MAX = timedelta(minutes=15)
"""How long an operation that never reached the gateway waits for its caller to repeat the call."""

_LOOKS = (
    (timedelta(minutes=1), timedelta(seconds=5)),
    (timedelta(minutes=10), timedelta(seconds=30)),
    (timedelta(hours=1), timedelta(minutes=5)),
)
_LATER_LOOKS = timedelta(hours=1)


def unsent_operation(kind: OperationKind, payment: Payment, now: datetime) -> Operation:
    """One that was not sent. Without a request it is the worker's to send, which makes one then."""
    operation_id = new_id(Prefix.OPERATION)
    return Operation(
        id=operation_id,
        tenant_id=payment.tenant_id,
        payment_id=payment.id,
        gateway_id=payment.gateway_id,
        kind=kind,
        state=OperationState.CREATED,
        gateway_key=operation_id,
        request=GatewayRequest("", {}),
        created_at=now,
        updated_at=now,
        due_at=now,
    )


def has_moved(current: Operation, seen: Operation) -> bool:
    """Whether the operation was sent again or ended since it was seen: what is known of the earlier
    attempt, short of the gateway's own object, decides nothing any more."""
    return current.state not in OPEN or current.attempts != seen.attempts


def is_stale(operation: Operation, now: datetime) -> bool:
    """Whether its process has stood still since it was marked as sent: it counts as UNKNOWN now,
    and that process must not send it any more."""
    return operation.last_sent_at is not None and now - operation.last_sent_at > SENDING_MAX


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


def reviewed_if_old(operation: Operation, now: datetime) -> Operation:
    """The operation after one more look in vain: for people once it is REVIEW_AFTER old."""
    age = now - (operation.first_sent_at or operation.created_at)
    if operation.state is not OperationState.UNKNOWN or age < REVIEW_AFTER:
        return operation
    return replace(operation, state=OperationState.MANUAL_REVIEW)


def answered(operation: Operation, answer: Answer, now: datetime) -> Operation:
    """The operation after an answer, and when it is looked at next if that was not the end."""
    state, due_at = answer.state, operation.due_at
    if state is OperationState.CREATED and operation.state is OperationState.UNKNOWN:
        state = OperationState.UNKNOWN  # an earlier attempt may still have reached the gateway
    if state is OperationState.UNKNOWN:
        due_at = next_look(operation, now)
        if operation.state is OperationState.MANUAL_REVIEW:
            state = OperationState.MANUAL_REVIEW  # it is with people, and stays with them
    if state is OperationState.CREATED:
        waits_for_caller = operation.idempotency_record_id is not None
        due_at = now + UNCLAIMED_MAX if waits_for_caller else next_look(operation, now)
    after = replace(
        operation,
        state=state,
        error=answer.message,
        gateway_request_id=answer.request_id or operation.gateway_request_id,
        due_at=due_at,
        updated_at=now,
    )
    return reviewed_if_old(after, now)
