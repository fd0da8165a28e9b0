"""A refund: its states and the platform fee it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RefundStatus(StrEnum):
    """REQUESTED is reserved here and not yet answered; the rest is the gateway's word."""

    REQUESTED = "REQUESTED"
    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


_S = RefundStatus
TRANSITIONS: Mapping[RefundStatus, frozenset[RefundStatus]] = {
    _S.REQUESTED: frozenset({_S.PENDING, _S.SUCCEEDED, _S.FAILED, _S.CANCELED}),
    _S.PENDING: frozenset({_S.SUCCEEDED, _S.FAILED, _S.CANCELED}),
    _S.SUCCEEDED: frozenset({_S.FAILED, _S.CANCELED}),
    _S.FAILED: frozenset(),
    _S.CANCELED: frozenset(),
}
"""A refund can fail up to 30 days after it succeeded (docs.stripe.com/refunds)."""

RESERVING = frozenset({_S.REQUESTED, _S.PENDING})
"""Statuses that hold a part of what may be refunded."""


class RefundReason(StrEnum):
    """Why the money goes back. OTHER sends the gateway no reason."""

    REQUESTED_BY_CUSTOMER = "REQUESTED_BY_CUSTOMER"
    DUPLICATE = "DUPLICATE"
    FRAUDULENT = "FRAUDULENT"
    OTHER = "OTHER"


class RefundOrigin(StrEnum):
    """Who asked for it: our API, or somebody at the gateway's own dashboard."""

    API = "api"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class RefundSettlement:
    """What a refund took from the gateway's account, in minor units of the account's `currency`,
    and what came back when it failed after all; None while that is not known."""

    amount: int
    returned: int | None
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money going back to the payer, in minor units of `currency`.

    `platform_fee_refunded` is this refund's part of the returned platform fee, 0 until it
    succeeded and again 0 if it fails afterwards.
    """

    id: str
    tenant_id: str
    payment_id: str
    status: RefundStatus
    amount: int
    currency: str
    reason: RefundReason
    origin: RefundOrigin
    created_at: datetime
    updated_at: datetime
    note: str | None = None
    platform_fee_refunded: int = 0
    gateway_refund_id: str | None = None
    failure_reason: str | None = None
    settlement: RefundSettlement | None = None
