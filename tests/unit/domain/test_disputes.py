"""Disputes as pure functions: what a picture makes of one, and what they make of their payment."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.dispute import OPEN, Dispute, apply_dispute, count_disputes, funds_of, opened_dispute
from domain.dispute import DisputeStatus as D
from domain.errors import SnapshotMismatch
from domain.payment import DisputeState, PaymentAction
from domain.snapshot import DisputeSnapshot
from domain.snapshot import GatewayDisputeStatus as G
from tests.builders import NOW, a_paid_payment
from tests.unit.domain.disputes import FEE, a_dispute, a_picture, moved, settled, taken

LATER = NOW + timedelta(days=3)
BACK = moved(10_000)

STATUSES = {
    G.WARNING_NEEDS_RESPONSE: D.INQUIRY,
    G.WARNING_UNDER_REVIEW: D.INQUIRY,
    G.WARNING_CLOSED: D.CLOSED,
    G.NEEDS_RESPONSE: D.NEEDS_RESPONSE,
    G.UNDER_REVIEW: D.UNDER_REVIEW,
    G.WON: D.WON,
    G.LOST: D.LOST,
    G.PREVENTED: D.CLOSED,
}


@pytest.mark.parametrize("status", list(G))
def test_a_dispute_may_be_heard_of_first_in_any_status(status: G) -> None:
    """The gateway's word becomes ours; what has ended has an end."""
    dispute = a_dispute(status)

    assert dispute.status is STATUSES[status]
    assert (dispute.closed_at is None) is (dispute.status in OPEN) is dispute.is_open
    assert (dispute.created_at, dispute.evidence_due_at) == (
        NOW - timedelta(hours=1),
        NOW + timedelta(days=8),
    )


def test_the_same_picture_again_changes_nothing() -> None:
    """Not even the time of the last change, or of the end."""
    picture = a_picture(G.LOST, balance_transactions=(taken(),))
    lost = opened_dispute(a_paid_payment(), picture, NOW)

    assert apply_dispute(lost, picture, LATER) == lost


def test_an_inquiry_after_a_chargeback_is_an_old_picture() -> None:
    """It is dropped: the money has left already."""
    chargeback = a_dispute(G.NEEDS_RESPONSE, taken())

    assert apply_dispute(chargeback, a_picture(G.WARNING_UNDER_REVIEW), LATER) is None


def test_a_reopened_dispute_has_no_end() -> None:
    """Its end is a new one when it is decided anew."""
    won = a_dispute(G.WON, taken(), BACK)
    reopened = apply_dispute(won, a_picture(G.UNDER_REVIEW), LATER)
    assert reopened is not None
    lost = apply_dispute(reopened, a_picture(G.LOST), LATER)
    assert lost is not None

    assert (won.closed_at, reopened.closed_at, lost.closed_at) == (NOW, None, LATER)


def test_money_in_two_currencies_is_a_contradiction() -> None:
    """A sum of dollars and euros says nothing."""
    with pytest.raises(SnapshotMismatch, match="currencies"):
        funds_of([taken(), moved(9_000, currency="EUR")])


@pytest.mark.parametrize(
    ("disputes", "state", "lost", "fee", "refundable"),
    [
        ([], DisputeState.NONE, 0, 0, 10_000),
        ([a_dispute(G.WARNING_NEEDS_RESPONSE)], DisputeState.NONE, 0, 0, 10_000),
        ([a_dispute(G.NEEDS_RESPONSE, taken())], DisputeState.OPEN, 0, FEE, 10_000),
        ([a_dispute(G.UNDER_REVIEW, taken())], DisputeState.OPEN, 0, FEE, 10_000),
        ([a_dispute(G.LOST, taken())], DisputeState.LOST, 10_000, FEE, 0),
        ([a_dispute(G.LOST, taken(4_000))], DisputeState.LOST, 4_000, FEE, 6_000),
        ([a_dispute(G.LOST, taken(12_000))], DisputeState.LOST, 12_000, FEE, 0),
        ([a_dispute(G.LOST)], DisputeState.LOST, 0, 0, 10_000),
        ([a_dispute(G.WON, taken(), BACK)], DisputeState.WON, 0, FEE, 10_000),
        ([a_dispute(G.WON, taken())], DisputeState.WON, 0, FEE, 10_000),
        ([a_dispute(G.WON, taken(), moved(10_000, -FEE))], DisputeState.WON, 0, 0, 10_000),
        ([a_dispute(G.LOST, taken(), BACK, moved(-10_000))], DisputeState.LOST, 10_000, FEE, 0),
        ([a_dispute(G.WARNING_CLOSED)], DisputeState.NONE, 0, 0, 10_000),
        ([a_dispute(G.PREVENTED, taken(), BACK)], DisputeState.NONE, 0, FEE, 10_000),
        ([a_dispute(G.PREVENTED, taken())], DisputeState.NONE, 10_000, FEE, 0),
        (
            [a_dispute(G.LOST, taken(3_000)), a_dispute(G.LOST, taken(2_000))],
            DisputeState.LOST,
            5_000,
            2 * FEE,
            5_000,
        ),
        (
            [a_dispute(G.WON, taken(), BACK), a_dispute(G.NEEDS_RESPONSE, taken(1))],
            DisputeState.OPEN,
            0,
            2 * FEE,
            10_000,
        ),
        ([a_dispute(G.LOST), a_dispute(G.NEEDS_RESPONSE)], DisputeState.OPEN, 0, 0, 10_000),
        ([a_dispute(G.WON), a_dispute(G.LOST)], DisputeState.LOST, 0, 0, 10_000),
    ],
)
def test_what_disputes_make_of_their_payment(
    disputes: list[Dispute], state: DisputeState, lost: int, fee: int, refundable: int
) -> None:
    """One word, the loss that its balance transactions tell, the fee whatever the outcome; the fee
    takes from net, and from what may be refunded it takes nothing."""
    payment = a_paid_payment()
    counted = count_disputes(payment, disputes)

    assert (counted.dispute_status, counted.dispute_lost, counted.dispute_fee) == (state, lost, fee)
    assert counted.net == payment.net - lost - fee
    assert counted.refundable == refundable


@pytest.mark.parametrize(
    ("disputes", "allowed"),
    [
        ([a_dispute(G.WARNING_NEEDS_RESPONSE, is_charge_refundable=True)], True),
        ([a_dispute(G.WARNING_NEEDS_RESPONSE)], False),
        ([a_dispute(G.NEEDS_RESPONSE, taken())], False),
        ([a_dispute(G.NEEDS_RESPONSE, is_charge_refundable=True)], True),
        ([a_dispute(G.UNDER_REVIEW, taken()), a_dispute(G.WON)], False),
        ([a_dispute(G.WON, taken(), BACK)], True),
        ([a_dispute(G.LOST, taken(4_000))], True),
        ([a_dispute(G.LOST, taken())], False),
        ([a_dispute(G.WARNING_CLOSED)], True),
    ],
)
def test_refunds_while_a_dispute_is_open(disputes: list[Dispute], *, allowed: bool) -> None:
    """Each open one must say that the charge can be refunded; those that ended have no say."""
    counted = count_disputes(a_paid_payment(), disputes)

    assert (PaymentAction.REFUND in counted.available_actions) is allowed
    assert counted.is_refund_allowed is allowed


def test_a_loss_in_another_currency_is_reckoned_by_the_settlement() -> None:
    """By the rule of the gateway's fee: 100.00 were settled as 108.00, so 118.80 that were taken
    are 110.00, and 15.00 of fee are 13.89."""
    payment = settled(a_paid_payment(), 10_800, 343, "EUR")
    counted = count_disputes(payment, [a_dispute(G.LOST, taken(11_880, "EUR"))])

    assert (counted.dispute_lost, counted.dispute_fee) == (11_000, 1_389)
    assert counted.refundable == 0


def test_until_the_settlement_is_known_the_disputes_own_rate_serves() -> None:
    """What was withdrawn stands for the disputed amount; afterwards all is reckoned anew."""
    disputes = [a_dispute(G.LOST, taken(11_000, "EUR"), amount=10_000)]
    early = count_disputes(a_paid_payment(), disputes)
    late = count_disputes(settled(early, 10_800, 343, "EUR"), disputes)

    assert (early.dispute_lost, early.dispute_fee) == (10_000, 1_364)
    assert (late.dispute_lost, late.dispute_fee) == (10_185, 1_389)


def test_where_no_rate_is_known_nothing_is_made_up() -> None:
    """Disputed in euros, settled in pounds, paid in dollars: it waits for the settlement."""
    disputes = [a_dispute(G.LOST, taken(8_000, "GBP"), currency="EUR", amount=9_300)]
    early = count_disputes(a_paid_payment(), disputes)
    late = count_disputes(settled(early, 8_000, 250, "GBP"), disputes)

    assert (early.dispute_lost, early.dispute_fee) == (0, 0)
    assert (late.dispute_lost, late.dispute_fee) == (10_000, 1_875)


@st.composite
def pictures(draw: st.DrawFn, gateway_id: str = "du_1") -> DisputeSnapshot:
    """Any picture of a chargeback: withdrawn, perhaps given back and withdrawn again."""
    amount = draw(st.integers(1, 12_000))
    returned = draw(st.sampled_from([0, -FEE]))
    moves = [taken(amount), moved(amount, returned), moved(-amount)]
    return a_picture(
        draw(st.sampled_from([G.NEEDS_RESPONSE, G.UNDER_REVIEW, G.WON, G.LOST, G.PREVENTED])),
        gateway_dispute_id=gateway_id,
        amount=amount,
        is_charge_refundable=draw(st.booleans()),
        balance_transactions=tuple(moves[: draw(st.integers(0, 3))]),
    )


@given(st.lists(pictures()), pictures())
def test_any_pictures_in_any_order_end_in_the_last_one(
    before: list[DisputeSnapshot], last: DisputeSnapshot
) -> None:
    """Whatever was seen before, doubled or reordered, the present picture decides alone."""
    payment = a_paid_payment()
    at_once = opened_dispute(payment, last, NOW)
    dispute = opened_dispute(payment, before[0] if before else last, NOW)
    for picture in [*before, *before[::-1], last, last]:
        dispute = apply_dispute(dispute, picture, NOW) or dispute

    assert replace(dispute, id=at_once.id) == at_once


@given(st.lists(pictures(), max_size=4), st.randoms(use_true_random=False))
def test_a_loss_is_never_counted_twice(seen: list[DisputeSnapshot], chance: random.Random) -> None:
    """Net falls by each dispute's own balance transactions once, in whatever order and however
    often the disputes are counted, and never by what came back."""
    payment = a_paid_payment()
    disputes = [opened_dispute(payment, picture, NOW) for picture in seen]
    shuffled = chance.sample(disputes, len(disputes))
    counted = count_disputes(count_disputes(payment, shuffled), disputes)
    gone = sum(
        -sum(part.amount for part in picture.balance_transactions)
        for picture in seen
        if picture.status in {G.LOST, G.PREVENTED}
    )
    fees = sum(part.fee for picture in seen for part in picture.balance_transactions)

    assert payment.net - counted.net == gone + fees
    assert 0 <= counted.refundable <= payment.captured
    assert counted.refundable == max(0, payment.captured - gone)


@given(pictures(), st.integers(0, 10_000))
def test_a_lost_dispute_is_no_second_refund(picture: DisputeSnapshot, refunded: int) -> None:
    """What was refunded before stays as it is; the loss comes on top, as the bank took it."""
    payment = a_paid_payment(refunded=refunded)
    counted = count_disputes(payment, [opened_dispute(payment, picture, NOW)])

    assert (counted.refunded, counted.refund_status) == (refunded, payment.refund_status)
    assert counted.net == payment.net - counted.dispute_lost - counted.dispute_fee
