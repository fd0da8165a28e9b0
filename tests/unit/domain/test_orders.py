"""What payments make of their order, and refunds of their payment."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fees import returned_fee
from domain.order import OrderStatus, derive_status, remaining_amount, settle_order
from domain.payment import Payment, PaymentStatus, RefundState
from domain.refund import RefundStatus
from domain.refunding import count_refunds, settle_refunds
from tests.builders import NOW, a_paid_payment, a_payment, a_refund, an_order

P = PaymentStatus


@pytest.mark.parametrize(
    ("payments", "status", "remaining"),
    [
        ([], "OPEN", 10_000),
        ([a_payment()], "OPEN", 0),
        ([a_payment(status=P.FAILED)], "OPEN", 0),
        ([a_payment(status=P.FAILED, intent_closed_at=NOW)], "OPEN", 10_000),
        ([a_payment(status=P.CANCELED)], "OPEN", 10_000),
        ([a_payment(status=P.EXPIRED)], "OPEN", 10_000),
        ([a_payment(status=P.AUTHORIZED, authorized=10_000)], "AUTHORIZED", 0),
        ([a_paid_payment()], "PAID", 0),
        ([a_paid_payment(captured=6_000)], "PARTIALLY_PAID", 4_000),
        ([a_paid_payment(captured=6_000), a_payment(total=4_000)], "PARTIALLY_PAID", 0),
        ([a_paid_payment(captured=6_000), a_paid_payment(captured=4_000)], "PAID", 0),
        ([a_paid_payment(refunded=1)], "PARTIALLY_REFUNDED", 0),
        ([a_paid_payment(refunded=10_000)], "REFUNDED", 0),
    ],
)
def test_status_and_remaining(payments: list[Payment], status: str, remaining: int) -> None:
    """The order's status and what is left to pay follow from its payments alone."""
    order = settle_order(an_order(), payments, NOW)

    assert (order.status, order.remaining) == (status, remaining)


def test_a_canceled_order_stays_canceled() -> None:
    """Only cancelOrder makes an order CANCELED."""
    assert derive_status(an_order(canceled_at=NOW), []) is OrderStatus.CANCELED


@given(st.lists(st.sampled_from(list(P)), max_size=6))
def test_nothing_is_left_while_a_payment_is_live(statuses: list[P]) -> None:
    """Remaining never goes below 0, and is 0 whenever a live payment holds the whole order."""
    payments = [a_payment(status=status) for status in statuses]
    remaining = remaining_amount(10_000, payments)

    assert remaining >= 0
    if any(payment.is_live for payment in payments):
        assert remaining == 0


def test_refunds_are_counted_by_their_state() -> None:
    """Requested and pending refunds are reserved, succeeded ones refunded, failed ones free."""
    refunds = [
        a_refund(status=status, amount=amount, platform_fee_refunded=part)
        for status, amount, part in [
            (RefundStatus.REQUESTED, 100, 0),
            (RefundStatus.PENDING, 200, 0),
            (RefundStatus.SUCCEEDED, 400, 12),
            (RefundStatus.FAILED, 800, 0),
            (RefundStatus.CANCELED, 1600, 0),
        ]
    ]

    payment = count_refunds(a_paid_payment(), refunds)

    assert (payment.refund_pending, payment.refunded) == (300, 400)
    assert payment.platform_fee_refunded == 12
    assert payment.refund_status is RefundState.PENDING
    assert payment.net == 10_000 - 400 - (300 - 12) - 320


@given(
    st.lists(st.tuples(st.integers(1, 2_000), st.booleans()), min_size=1, max_size=8),
    st.integers(0, 9_999),
    st.randoms(use_true_random=False),
)
def test_fee_parts_sum_to_the_whole_whichever_fail(
    drawn: list[tuple[int, bool]], fee: int, random: Random
) -> None:
    """The parts come to what is due on what went back, none is negative, and a full refund returns
    all of it; in which order the refunds were heard of makes no difference."""
    payment = a_paid_payment(platform_fee=fee)
    refunds, left = [], payment.captured
    for amount, holds in drawn:
        taken = min(amount, left)
        if taken:
            status = RefundStatus.SUCCEEDED if holds else RefundStatus.FAILED
            refunds.append(a_refund(status=status, amount=taken))
            left -= taken if holds else 0
    settled, counted = settle_refunds(payment, refunds)

    policy = payment.fee_terms.refund_policy
    due = returned_fee(policy, fee, payment.captured - left, payment.captured)
    assert counted.platform_fee_refunded == due
    assert all(refund.platform_fee_refunded >= 0 for refund in settled)
    assert settle_refunds(payment, random.sample(settled, len(settled))) == (settled, counted)
    if left:
        refunds.append(a_refund(status=RefundStatus.SUCCEEDED, amount=left))
    whole = settle_refunds(payment, refunds)[1]
    assert (whole.refund_status, whole.refunded) == (RefundState.FULL, whole.captured)
    assert whole.platform_fee_refunded == fee
    assert whole.net == -whole.gateway_fee
