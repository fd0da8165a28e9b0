"""What refunds in another settlement currency put into the books, and what changed rates took."""

from __future__ import annotations

import pytest

from domain import posting_rules
from domain.refund import Refund, RefundSettlement, RefundStatus
from tests.builders import a_refund
from tests.unit.domain.test_posting_rules import (
    a_converted_payment,
    a_settled_payment,
    lines,
    table,
)

DONE = RefundStatus.SUCCEEDED


def a_converted_refund(
    amount: int, taken_eur: int, returned: int | None = None, status: RefundStatus = DONE
) -> Refund:
    """Dollars that took euros, and what of them came back."""
    return a_refund(
        status=status,
        amount=amount,
        gateway_refund_id=f"re_{amount}",
        settlement=RefundSettlement(taken_eur, returned, "EUR"),
    )


def test_a_refund_in_another_currency() -> None:
    """The money leaves as euros, by the rate of that day."""
    refunded = a_converted_refund(4_000, 3_800)
    fact = posting_rules.refund_settlement(a_converted_payment(), refunded)

    assert fact.key == "refund_settlement:re_4000"
    assert table(fact) == lines(
        "gateway_clearing +4000; fx_clearing -4000;"
        "fx_clearing +3800 EUR; gateway_clearing -3800 EUR"
    )


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (None, ""),
        (3_800, ""),
        (3_700, "fx_clearing +100 EUR; gateway_clearing -100 EUR"),
        (3_900, "fx_clearing -100 EUR; gateway_clearing +100 EUR"),
    ],
)
def test_a_failed_refund_in_another_currency(returned: int | None, expected: str) -> None:
    """What came back by another rate is lost or won; until that is known, nothing is."""
    failed = a_converted_refund(4_000, 3_800, returned, RefundStatus.FAILED)

    assert table(posting_rules.refund_settlement(a_converted_payment(), failed)) == lines(expected)


@pytest.mark.parametrize(
    ("refunds", "expected"),
    [
        ([], ""),
        ([a_converted_refund(5_000, 4_600)], ""),
        (
            [a_converted_refund(5_000, 4_700)],
            "fx_difference +100 EUR; fx_clearing -100 EUR",
        ),
        (
            [a_converted_refund(5_000, 4_700), a_converted_refund(4_999, 4_500)],
            "fx_difference +1 EUR; fx_clearing -1 EUR",
        ),
        (
            [a_converted_refund(5_000, 4_600), a_converted_refund(1, 50, 40, RefundStatus.FAILED)],
            "fx_difference +10 EUR; fx_clearing -10 EUR",
        ),
        ([a_refund(status=DONE, gateway_refund_id="re_1")], ""),
    ],
    ids=["none", "at the rate", "dearer", "both ways", "a failed one", "not known yet"],
)
def test_what_a_change_of_the_rate_took(refunds: list[Refund], expected: str) -> None:
    """What refunds took beside their share of the 92.00 EUR that were settled."""
    fact = posting_rules.fx_difference(a_converted_payment(), refunds)

    assert fact.key == "fx_difference:ch_3abc"
    assert table(fact) == lines(expected)
    assert posting_rules.fx_difference(a_settled_payment(), refunds).postings == ()


def test_a_payment_that_went_back_whole_leaves_no_conversion() -> None:
    """Whatever the rates of the days: both sides of fx_clearing come to nothing."""
    payment = a_converted_payment()
    refunds = [a_converted_refund(3_333, 3_100), a_converted_refund(6_667, 6_000)]
    facts = [
        posting_rules.settlement(payment),
        *(posting_rules.refund_settlement(payment, each) for each in refunds),
        posting_rules.fx_difference(payment, refunds),
    ]
    fees = {"USD": -315, "EUR": 290}
    left = dict.fromkeys(fees, 0)
    for fact in facts:
        for posting in fact.postings:
            if posting.account == "fx_clearing":
                left[posting.currency] += posting.amount

    assert left == fees
