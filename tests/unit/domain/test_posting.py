"""Booking by difference: idempotent, reversible, and the same whatever came first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain import posting_rules
from domain.dispute import Dispute, count_disputes
from domain.ledger import LedgerAccount, LedgerTransaction, Posting, balances, totals
from domain.payment import Payment
from domain.posting import difference, differences
from domain.posting_rules import Fact
from domain.refund import Refund, RefundStatus
from domain.refunding import settle_refunds
from domain.tenant import GatewayMode
from tests.builders import NOW, a_paid_payment, a_refund
from tests.unit.domain.disputes import G, a_dispute, moved, settled, taken

KEEPS = (
    LedgerAccount.MERCHANT_PAYABLE,
    LedgerAccount.PLATFORM_FEE_RECEIVABLE,
    LedgerAccount.GATEWAY_FEE_EXPENSE,
    LedgerAccount.DISPUTE_LOSS,
)


def booked(
    books: Sequence[LedgerTransaction], payment: Payment, *facts: Fact
) -> list[LedgerTransaction]:
    """The books after these facts."""
    return [*books, *differences(payment, books, facts, NOW)]


def postings(books: Sequence[LedgerTransaction]) -> list[Posting]:
    """All that stands in the books."""
    return [posting for transaction in books for posting in transaction.postings]


def test_a_fact_that_is_told_again_books_nothing() -> None:
    """Once, however often."""
    payment = a_paid_payment()
    fact = posting_rules.capture(payment, GatewayMode.PLATFORM)
    once = booked([], payment, fact)

    assert len(once) == 1
    assert booked(once, payment, fact) == once


def test_a_refund_that_fails_late_is_reversed_exactly() -> None:
    """A transaction of its own under the same fact, with today's date, entry against entry."""
    payment = a_paid_payment()
    refund = a_refund(
        status=RefundStatus.SUCCEEDED, platform_fee_refunded=120, gateway_refund_id="re_1"
    )
    failed = replace(refund, status=RefundStatus.FAILED, platform_fee_refunded=0)
    mode = GatewayMode.PLATFORM
    before = booked([], payment, posting_rules.refund(payment, refund, mode))
    later = NOW + timedelta(days=20)
    (reversal,) = differences(payment, before, [posting_rules.refund(payment, failed, mode)], later)

    assert (reversal.fact_key, reversal.corrects) == ("refund:re_1:2", "refund:re_1")
    assert (reversal.reason, reversal.created_at) == ("refund failed", later)
    given_back = [replace(each, amount=-each.amount) for each in before[0].postings]
    assert set(reversal.postings) == set(given_back)


def test_a_correction_holds_the_difference_alone() -> None:
    """The gateway's fee was 3.20 and is 3.30: ten cents, no second fee."""
    payment = settled(a_paid_payment(), 10_000, 320, "USD")
    before = booked([], payment, posting_rules.settlement(payment))
    dearer = settled(replace(payment, gateway_fee=330), 10_000, 330, "USD")
    (correction,) = differences(dearer, before, [posting_rules.settlement(dearer)], NOW)

    assert [(each.account, each.amount) for each in correction.postings] == [
        (LedgerAccount.GATEWAY_FEE_EXPENSE, 10),
        (LedgerAccount.GATEWAY_CLEARING, -10),
    ]
    third = booked([*before, correction], payment, posting_rules.settlement(payment))
    assert third[-1].fact_key == "settlement:ch_3abc:3"


def test_other_facts_are_left_alone() -> None:
    """A refund's booking neither counts nor undoes the capture."""
    payment = a_paid_payment()
    capture = posting_rules.capture(payment, GatewayMode.OWN)
    refund = a_refund(status=RefundStatus.SUCCEEDED, gateway_refund_id="re_1")
    books = booked([], payment, capture)
    both = booked(books, payment, posting_rules.refund(payment, refund, GatewayMode.OWN))

    assert [each.fact_key for each in both] == ["capture:ch_3abc", "refund:re_1"]


places = st.sampled_from(
    [
        (LedgerAccount.GATEWAY_CLEARING, "USD", "gw_1"),
        (LedgerAccount.GATEWAY_CLEARING, "USD", "gw_2"),
        (LedgerAccount.GATEWAY_CLEARING, "EUR", "gw_1"),
        (LedgerAccount.MERCHANT_PAYABLE, "USD", None),
    ]
)
drawn = st.lists(
    st.builds(
        lambda place, amount: Posting(place[0], amount, place[1], place[2]),
        places,
        st.integers(-(10**12), 10**12),
    ),
    max_size=12,
)


@given(drawn, drawn)
def test_a_difference_makes_the_one_the_other(due: list[Posting], stands: list[Posting]) -> None:
    """Added to what stands it gives what is due, with no entry of zero and one an account."""
    left = difference(due, stands)

    assert difference(due, [*stands, *left]) == []
    assert 0 not in {posting.amount for posting in left}
    assert len({(each.account, each.currency, each.gateway_id) for each in left}) == len(left)


DISPUTES = (
    (),
    (a_dispute(G.NEEDS_RESPONSE, taken()),),
    (a_dispute(G.LOST, taken(4_000)),),
    (a_dispute(G.WON, taken(), moved(10_000)),),
    (a_dispute(G.LOST, taken()),),
)
refunds = st.lists(
    st.tuples(
        st.integers(1, 3_000), st.sampled_from([RefundStatus.SUCCEEDED, RefundStatus.FAILED])
    ),
    max_size=3,
)


@given(
    st.sampled_from(list(GatewayMode)),
    st.integers(0, 9_999),
    refunds,
    st.lists(st.sampled_from(DISPUTES), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_net_is_what_the_books_say(
    mode: GatewayMode,
    fee: int,
    drawn: list[tuple[int, RefundStatus]],
    disputed: list[tuple[Dispute, ...]],
    random: object,
) -> None:
    """Whatever happened, in whichever order it was heard of and however often: every transaction
    balances, and the four accounts of the merchant's share come to net."""
    payment = settled(a_paid_payment(platform_fee=fee), 10_000, 320, "USD")
    given_back = [
        a_refund(status=status, amount=amount, gateway_refund_id=f"re_{number}")
        for number, (amount, status) in enumerate(drawn)
    ]
    done, payment = settle_refunds(payment, given_back)
    payment = count_disputes(payment, disputed[-1])
    facts = [
        posting_rules.capture(payment, mode),
        posting_rules.settlement(payment),
        *(posting_rules.refund(payment, each, mode) for each in done),
        *(posting_rules.refund(payment, _succeeded(each), mode) for each in done),
        *(posting_rules.dispute(payment, each) for step in disputed for each in step),
    ]
    random.shuffle(facts)  # type: ignore[attr-defined]
    books: list[LedgerTransaction] = []
    for fact in facts:
        books = booked(books, payment, fact)
    # What is true at last is told last: of each fact only that counts.
    for fact in (
        *(posting_rules.refund(payment, each, mode) for each in done),
        *(posting_rules.dispute(payment, each) for each in disputed[-1]),
        *([] if disputed[-1] else [Fact("dispute:du_1", "dropped", ())]),
    ):
        books = booked(books, payment, fact)

    assert all(set(balances(each.postings).values()) == {0} for each in books)
    sums = totals(postings(books), "USD")
    assert payment.net == -sum(sums.get(account, 0) for account in KEEPS)
    kept = payment.platform_fee - payment.platform_fee_refunded
    assert kept == -sums.get(LedgerAccount.PLATFORM_FEE_REVENUE, 0)


def _succeeded(refund: Refund) -> Refund:
    return replace(refund, status=RefundStatus.SUCCEEDED)
