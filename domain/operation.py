"""A gateway operation: the record of one request that may move money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class OperationKind(StrEnum):
    """What is asked of the gateway."""

    AUTHORIZE = "authorize"
    CHARGE = "charge"
    CAPTURE = "capture"
    REFUND = "refund"
    CANCEL = "cancel"
    CLOSE_INTENT = "close_intent"
    FEE_REFUND = "fee_refund"


class OperationState(StrEnum):
    """CREATED: not sent. SENDING: a process is on it. UNKNOWN: sent, and no readable answer."""

    CREATED = "CREATED"
    SENDING = "SENDING"
    SUCCEEDED = "SUCCEEDED"
    DECLINED = "DECLINED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"
    MANUAL_REVIEW = "MANUAL_REVIEW"


_S = OperationState
_ANSWERED = frozenset({_S.SUCCEEDED, _S.DECLINED, _S.REJECTED})
TRANSITIONS: Mapping[OperationState, frozenset[OperationState]] = {
    _S.CREATED: frozenset({_S.SENDING, _S.SUCCEEDED, _S.REJECTED}),
    _S.SENDING: _ANSWERED | {_S.UNKNOWN, _S.CREATED},
    _S.UNKNOWN: _ANSWERED | {_S.MANUAL_REVIEW},
    _S.SUCCEEDED: frozenset(),
    _S.DECLINED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.MANUAL_REVIEW: _ANSWERED,
}
"""SENDING falls back to CREATED when nothing reached the gateway. CREATED ends REJECTED when its
caller never came back for it, and SUCCEEDED when a cancel found its payment ended already."""

OPEN = frozenset({_S.CREATED, _S.SENDING, _S.UNKNOWN, _S.MANUAL_REVIEW})
"""States in which the operation may still have, or come to have, an effect."""

CREATES_INTENT = frozenset({OperationKind.AUTHORIZE, OperationKind.CHARGE})


@dataclass(frozen=True, slots=True)
class GatewayRequest:
    """An exact request: repeated byte for byte under the same key when the answer was lost."""

    path: str
    parameters: Mapping[str, object]


UNREADABLE_REQUEST = GatewayRequest("unreadable", {})
"""Stands for a stored request that cannot be decrypted: it is never sent, and what is stored stays
as it is. What the operation came to can still be told, and read at the gateway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One request to the gateway. `gateway_key` is its idempotency key there, from our id alone.

    `first_sent_at` and `last_sent_at` bound when it may have taken effect; `absent_at` is when a
    complete listing first did not show it; `due_at` is when the settler looks at it next.
    """

    id: str
    tenant_id: str
    payment_id: str
    gateway_id: str
    kind: OperationKind
    state: OperationState
    gateway_key: str
    request: GatewayRequest
    created_at: datetime
    updated_at: datetime
    due_at: datetime
    amount: int | None = None
    refund_id: str | None = None
    idempotency_record_id: str | None = None
    attempts: int = 0
    first_sent_at: datetime | None = None
    last_sent_at: datetime | None = None
    absent_at: datetime | None = None
    gateway_request_id: str | None = None
    error: str | None = None
