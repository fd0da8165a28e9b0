"""A dispute: its states, its money at the gateway, and what disputes make of their payment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.errors import SnapshotMismatch
from domain.fees import settled_gateway_fee
from domain.ids import Prefix, new_id
from domain.payment import DisputeState, Payment
from domain.snapshot import BalanceTransaction, DisputeSnapshot, GatewayDisputeStatus


class DisputeStatus(StrEnum):
    """INQUIRY takes no money. CLOSED ended as neither won nor lost: an inquiry that was dropped, or
    a dispute that was prevented."""

    INQUIRY = "INQUIRY"
    NEEDS_RESPONSE = "NEEDS_RESPONSE"
    UNDER_REVIEW = "UNDER_REVIEW"
    WON = "WON"
    LOST = "LOST"
    CLOSED = "CLOSED"


_S = DisputeStatus
TRANSITIONS: Mapping[DisputeStatus, frozenset[DisputeStatus]] = {
    _S.INQUIRY: frozenset({_S.NEEDS_RESPONSE, _S.UNDER_REVIEW, _S.WON, _S.LOST, _S.CLOSED}),
    _S.NEEDS_RESPONSE: frozenset({_S.UNDER_REVIEW, _S.WON, _S.LOST, _S.CLOSED}),
    _S.UNDER_REVIEW: frozenset({_S.NEEDS_RESPONSE, _S.WON, _S.LOST, _S.CLOSED}),
    _S.WON: frozenset({_S.NEEDS_RESPONSE, _S.UNDER_REVIEW, _S.LOST, _S.CLOSED}),
    _S.LOST: frozenset({_S.NEEDS_RESPONSE, _S.UNDER_REVIEW, _S.WON, _S.CLOSED}),
    _S.CLOSED: frozenset({_S.INQUIRY, _S.NEEDS_RESPONSE, _S.UNDER_REVIEW, _S.WON, _S.LOST}),
}
"""Banks reopen and reverse their decisions, and events in between get lost; the first sight may be
of any status. Only one thing never happens: a chargeback does not become an inquiry again, so such
a picture is older than what is recorded."""

OPEN = frozenset({_S.INQUIRY, _S.NEEDS_RESPONSE, _S.UNDER_REVIEW})
"""Statuses in which the bank has not decided."""

_STATUSES = {
    GatewayDisputeStatus.WARNING_NEEDS_RESPONSE: _S.INQUIRY,
    GatewayDisputeStatus.WARNING_UNDER_REVIEW: _S.INQUIRY,
    GatewayDisputeStatus.WARNING_CLOSED: _S.CLOSED,
    GatewayDisputeStatus.PREVENTED: _S.CLOSED,
    GatewayDisputeStatus.NEEDS_RESPONSE: _S.NEEDS_RESPONSE,
    GatewayDisputeStatus.UNDER_REVIEW: _S.UNDER_REVIEW,
    GatewayDisputeStatus.WON: _S.WON,
    GatewayDisputeStatus.LOST: _S.LOST,
}


@dataclass(frozen=True, slots=True)
class DisputeFunds:
    """What a dispute's balance transactions come to, in minor units of the account's `currency`.
    `fee` is what was charged less what was returned, never below 0."""

    currency: str
    withdrawn: int
    reinstated: int
    fee: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A cardholder's objection at the bank. `amount` is in minor units of `currency`; it may be a
    part of the charge, or more than it through exchange rates. `funds` is None while no money has
    moved. `created_at` and `reason` are the gateway's, `closed_at` is when the decision was heard.
    """

    id: str
    tenant_id: str
    payment_id: str
    gateway_dispute_id: str
    status: DisputeStatus
    reason: str
    amount: int
    currency: str
    is_charge_refundable: bool
    created_at: datetime
    updated_at: datetime
    evidence_due_at: datetime | None = None
    closed_at: datetime | None = None
    funds: DisputeFunds | None = None

    @property
    def is_open(self) -> bool:
        """Whether the bank has not decided."""
        return self.status in OPEN

    @property
    def lost(self) -> int:
        """What is gone for good, in minor units of the funds' currency: what left and did not come
        back of a dispute that is lost. A closed one has lost what its own balance transactions say
        is gone, which is nothing unless they say so; a won one is owed its money."""
        if self.funds is None or self.status not in {DisputeStatus.LOST, DisputeStatus.CLOSED}:
            return 0
        return max(0, self.funds.withdrawn - self.funds.reinstated)


def opened_dispute(payment: Payment, snapshot: DisputeSnapshot, now: datetime) -> Dispute:
    """The dispute at first sight. Raises SnapshotMismatch."""
    status = _STATUSES[snapshot.status]
    return Dispute(
        id=new_id(Prefix.DISPUTE),
        tenant_id=payment.tenant_id,
        payment_id=payment.id,
        gateway_dispute_id=snapshot.gateway_dispute_id,
        status=status,
        reason=snapshot.reason,
        amount=snapshot.amount,
        currency=snapshot.currency,
        is_charge_refundable=snapshot.is_charge_refundable,
        created_at=snapshot.created,
        updated_at=now,
        evidence_due_at=snapshot.evidence_due_at,
        closed_at=None if status in OPEN else now,
        funds=funds_of(snapshot.balance_transactions),
    )


def apply_dispute(dispute: Dispute, snapshot: DisputeSnapshot, now: datetime) -> Dispute | None:
    """The dispute as the gateway's picture makes it; None for a picture that is behind.

    The same picture again changes nothing. Raises SnapshotMismatch.
    """
    status = _STATUSES[snapshot.status]
    moves = status is not dispute.status
    if moves and status not in TRANSITIONS[dispute.status]:
        return None
    applied = replace(
        dispute,
        status=status,
        reason=snapshot.reason,
        amount=snapshot.amount,
        currency=snapshot.currency,
        is_charge_refundable=snapshot.is_charge_refundable,
        evidence_due_at=snapshot.evidence_due_at,
        funds=funds_of(snapshot.balance_transactions),
    )
    if moves:
        applied = replace(applied, closed_at=None if status in OPEN else now)
    return dispute if applied == dispute else replace(applied, updated_at=now)


def funds_of(transactions: Iterable[BalanceTransaction]) -> DisputeFunds | None:
    """What the balance transactions come to. Raises SnapshotMismatch for several currencies."""
    transactions = tuple(transactions)
    if not transactions:
        return None
    currencies = {moved.currency for moved in transactions}
    if len(currencies) > 1:
        raise SnapshotMismatch(f"a dispute moved money in several currencies: {currencies}")
    return DisputeFunds(
        currency=transactions[0].currency,
        withdrawn=sum(-moved.amount for moved in transactions if moved.amount < 0),
        reinstated=sum(moved.amount for moved in transactions if moved.amount > 0),
        fee=max(0, sum(moved.fee for moved in transactions)),
    )


def count_disputes(payment: Payment, disputes: Iterable[Dispute]) -> Payment:
    """The payment with what it caches of its disputes counted anew."""
    disputes = tuple(disputes)
    return replace(
        payment,
        dispute_status=_state_of(disputes),
        dispute_lost=sum(in_payment_currency(payment, at, at.lost) for at in disputes),
        dispute_fee=sum(
            in_payment_currency(payment, at, at.funds.fee) for at in disputes if at.funds
        ),
        refunds_blocked=any(at.is_open and not at.is_charge_refundable for at in disputes),
    )


def _state_of(disputes: Iterable[Dispute]) -> DisputeState:
    statuses = {dispute.status for dispute in disputes}
    if statuses & {DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW}:
        return DisputeState.OPEN
    if DisputeStatus.LOST in statuses:
        return DisputeState.LOST
    return DisputeState.WON if DisputeStatus.WON in statuses else DisputeState.NONE


def in_payment_currency(payment: Payment, dispute: Dispute, amount: int) -> int:
    """An amount of the dispute's funds in the payment's currency, by the rule of the gateway's fee.

    Until the payment's own settlement is known, by the dispute's: what it withdrew stands for its
    amount. 0 where neither tells: the payment is counted anew when its settlement arrives.
    """
    funds, settled = dispute.funds, payment.settlement
    if funds is None or funds.currency == payment.currency:
        return amount
    if amount < 0:
        return -in_payment_currency(payment, dispute, -amount)
    if settled and settled.currency == funds.currency and settled.amount > 0:
        return settled_gateway_fee(amount, settled.amount, payment.captured)
    if dispute.currency == payment.currency and funds.withdrawn > 0:
        return settled_gateway_fee(amount, funds.withdrawn, dispute.amount)
    return 0
