"""What payments make of their order, and refunds of their payment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.order import OrderStatus, derive_status, remaining_amount, settle_order
from domain.payment import Payment, PaymentStatus, RefundState
from domain.refund import Refund, RefundStatus
from domain.refunding import count_refunds, fee_part
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


@given(st.lists(st.integers(1, 4_000), min_size=1, max_size=8), st.integers(0, 7))
def test_fee_parts_sum_to_the_whole_even_after_a_late_failure(
    amounts: list[int], failing: int
) -> None:
    """A refund that fails late gives its part back, and a full refund still returns all of it."""
    payment, done = a_paid_payment(platform_fee=333), list[Refund]()
    left = payment.captured
    for amount in [*amounts, payment.captured]:
        taken = min(amount, left)
        if taken:
            refund = a_refund(status=RefundStatus.SUCCEEDED, amount=taken)
            part = fee_part(payment, done, refund)
            done.append(
                a_refund(status=RefundStatus.SUCCEEDED, amount=taken, platform_fee_refunded=part)
            )
            left -= taken
        if len(done) == failing:
            left += done.pop().amount
            failing = -1
    if left:
        refund = a_refund(status=RefundStatus.SUCCEEDED, amount=left)
        part = fee_part(payment, done, refund)
        done.append(
            a_refund(status=RefundStatus.SUCCEEDED, amount=left, platform_fee_refunded=part)
        )

    counted = count_refunds(payment, done)
    assert counted.refunded == counted.captured
    assert counted.platform_fee_refunded == 333
    assert counted.refund_status is RefundState.FULL
