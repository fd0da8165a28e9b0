"""All 5,040 orders of seven events of one payment, with duplicates, end in one state: the pure
functions alone, with reads that cross."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations

import pytest

from domain.applying import ABANDONED
from domain.payment import DisputeState, PaymentStatus
from domain.refund import RefundStatus
from domain.snapshot import (
    BalanceTransaction,
    Decline,
    DisputeSnapshot,
    GatewayDisputeStatus,
    GatewayRefundStatus,
    IntentStatus,
    RefundSnapshot,
    Settlement,
)
from tests.builders import a_gateway_refund, a_payment, a_refund, an_intent
from tests.unit.domain.disputes import a_picture
from tests.unit.domain.histories import (
    Books,
    History,
    Picture,
    Steps,
    Told,
    View,
    with_duplicates,
)

SEED = 20261126
S = IntentStatus

FIRST, SECOND = (
    Decline("card_declined", "insufficient_funds", "No money."),
    Decline("expired_card", None, "Expired."),
)
DECLINED = History(
    Books(a_payment()),
    (
        Picture(an_intent(S.REQUIRES_CONFIRMATION)),
        Picture(an_intent(S.REQUIRES_ACTION)),
        Picture(an_intent(S.REQUIRES_PAYMENT_METHOD, decline=FIRST, gateway_charge_id="ch_1")),
        Picture(an_intent(S.PROCESSING, gateway_charge_id="ch_2")),
        Picture(an_intent(S.REQUIRES_PAYMENT_METHOD, decline=SECOND, gateway_charge_id="ch_2")),
        Picture(
            an_intent(
                S.CANCELED,
                cancellation_reason=ABANDONED,
                decline=SECOND,
                gateway_charge_id="ch_2",
            )
        ),
    ),
    (
        Told("payment_intent.created", 0),
        Told("payment_intent.requires_action", 1),
        Told("charge.failed", 2),
        Told("payment_intent.payment_failed", 2),
        Told("charge.failed", 4),
        Told("payment_intent.payment_failed", 4),
        Told("payment_intent.canceled", 5),
    ),
)
"""3-D Secure, a decline, a decline of another card, and the closing of the intent."""


def _refund(
    gateway_id: str, status: GatewayRefundStatus, amount: int = 10_000, ours: str | None = None
) -> RefundSnapshot:
    return a_gateway_refund(
        a_refund(amount=amount),
        gateway_refund_id=gateway_id,
        status=status,
        tollgate_refund_id=ours,
    )


UNSETTLED = an_intent(S.SUCCEEDED, gateway_charge_id="ch_1")
SETTLED = replace(UNSETTLED, settlement=Settlement("txn_1", 10_000, 350, "USD", None))
OURS = a_refund(amount=10_000)
REFUNDED = History(
    Books(a_payment(), {OURS.id: OURS}),
    (
        Picture(an_intent(S.PROCESSING)),
        Picture(UNSETTLED),
        Picture(SETTLED),
        Picture(SETTLED, {"re_1": _refund("re_1", GatewayRefundStatus.PENDING, ours=OURS.id)}),
        Picture(SETTLED, {"re_1": _refund("re_1", GatewayRefundStatus.SUCCEEDED, ours=OURS.id)}),
        Picture(SETTLED, {"re_1": _refund("re_1", GatewayRefundStatus.FAILED, ours=OURS.id)}),
        Picture(
            SETTLED,
            {
                "re_2": _refund("re_2", GatewayRefundStatus.SUCCEEDED),
                "re_1": _refund("re_1", GatewayRefundStatus.FAILED, ours=OURS.id),
            },
        ),
    ),
    (
        Told("payment_intent.processing", 0),
        Told("payment_intent.succeeded", 1),
        Told("charge.updated", 2),
        Told("refund.updated", 4, "re_1"),
        Told("refund.failed", 5, "re_1"),
        Told("charge.refunded", 4),
        Told("refund.created", 6, "re_2"),
    ),
)
"""Paid; all of it refunded through Tollgate; that refund failed late, and somebody made another."""


def _dispute(status: GatewayDisputeStatus, *moved: int) -> Mapping[str, DisputeSnapshot]:
    transactions = tuple(
        BalanceTransaction(f"txn_d{amount}", amount, fee, amount - fee, "USD")
        for amount in moved
        for fee in [1_500 if amount < 0 else 0]
    )
    return {
        "du_1": a_picture(
            status, amount=6_000, gateway_charge_id="ch_1", balance_transactions=transactions
        )
    }


PART = {"re_1": _refund("re_1", GatewayRefundStatus.SUCCEEDED, 4_000)}
PART_PENDING = {"re_1": _refund("re_1", GatewayRefundStatus.PENDING, 4_000)}
LOST = _dispute(GatewayDisputeStatus.LOST, -6_000)
DISPUTED = History(
    Books(a_payment()),
    (
        Picture(UNSETTLED),
        Picture(SETTLED),
        Picture(SETTLED, PART_PENDING),
        Picture(SETTLED, PART),
        Picture(SETTLED, PART, _dispute(GatewayDisputeStatus.NEEDS_RESPONSE, -6_000)),
        Picture(SETTLED, PART, _dispute(GatewayDisputeStatus.UNDER_REVIEW, -6_000)),
        Picture(SETTLED, PART, LOST),
        Picture(SETTLED, PART, _dispute(GatewayDisputeStatus.WON, -6_000, 6_000)),
    ),
    (
        Told("payment_intent.succeeded", 0),
        Told("charge.updated", 1),
        Told("charge.refunded", 2),
        Told("refund.updated", 3, "re_1"),
        Told("charge.dispute.created", 4, "du_1"),
        Told("charge.dispute.closed", 6, "du_1"),
        Told("charge.dispute.closed", 7, "du_1"),
    ),
)
"""Paid, a part refunded, the rest disputed, lost, and won after all."""

HISTORIES = {"declined": DECLINED, "refunded": REFUNDED, "disputed": DISPUTED}
ORDERS = tuple(permutations(range(7)))


def newest(_: int, last: int) -> int:
    """Every read sees what is true in the end: the events came late."""
    return last


def oldest(first: int, _: int) -> int:
    """Every read sees the oldest picture that it may."""
    return first


def in_time(history: History) -> Books:
    """The books after the events in the order of time, each handled at once."""
    return Steps(history).run(range(7), oldest)


@pytest.mark.parametrize("name", HISTORIES)
def test_every_order_ends_in_one_state(name: str) -> None:
    """Each of the 5,040 orders, with one to three events twice, ends as the order of time does:
    when all events come late, when each is handled at once, and when reads cross."""
    history, chance = HISTORIES[name], random.Random(SEED)  # noqa: S311 - the same in every run
    steps, expected = Steps(history), in_time(history).entries
    views: tuple[View, ...] = (newest, oldest, chance.randint)
    ends = [steps.run(with_duplicates(order, chance), view) for order in ORDERS for view in views]

    assert len(ORDERS) == 5_040
    assert len(ends) == 3 * 5_040
    assert [books for books in ends if books.entries != expected] == []
    assert {books.closings for books in ends} <= {0, 1}


@pytest.mark.parametrize("name", HISTORIES)
def test_no_reads_and_duplicates_end_elsewhere(name: str) -> None:
    """Not chosen by chance but all of it: wherever any order with any duplicates and any reads may
    lead, what has been told of everything is in the one state, and nothing that is too early stays
    so."""
    steps, expected = Steps(HISTORIES[name]), in_time(HISTORIES[name]).entries
    found = list(steps.reachable())
    told = [steps.books[number] for done, number in found if len(done) == 7]

    assert len(found) > 200
    assert [books for books in told if books.entries != expected] == []
    assert {books.closings for books in told} <= {0, 1}
    for _, number in found:
        rest = Steps(replace(HISTORIES[name], books=steps.books[number]))
        assert rest.run(range(7), newest).entries == expected


def test_how_the_histories_end() -> None:
    """The one state is the right one: the later decline and a closed intent; one refund that
    failed, one that counts, and the gateway's own fee; a dispute that was won in the end, whose fee
    is gone."""
    declined, refunded, disputed = in_time(DECLINED), in_time(REFUNDED), in_time(DISPUTED)
    payment = refunded.payment

    assert (declined.payment.status, declined.payment.is_live) == (PaymentStatus.FAILED, False)
    assert declined.payment.failure is not None
    assert declined.payment.failure.decline_code == "expired_card"
    assert declined.closings == 1
    assert (payment.status, payment.captured, payment.refunded) == (
        PaymentStatus.PAID,
        10_000,
        10_000,
    )
    assert (payment.gateway_fee, payment.gateway_fee_is_final, payment.platform_fee_refunded) == (
        350,
        True,
        300,
    )
    assert {refund.gateway_refund_id: refund.status for refund in refunded.refunds.values()} == {
        "re_1": RefundStatus.FAILED,
        "re_2": RefundStatus.SUCCEEDED,
    }
    assert (disputed.payment.refunded, disputed.payment.dispute_status) == (
        4_000,
        DisputeState.WON,
    )
    assert (disputed.payment.dispute_lost, disputed.payment.dispute_fee) == (0, 1_500)
    assert disputed.payment.net == 10_000 - 4_000 - (300 - 120) - 350 - 1_500
