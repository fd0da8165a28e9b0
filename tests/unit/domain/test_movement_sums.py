"""Books beside movements: what agrees, and what must be looked at."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.gateway_balance import Movement, MovementKind
from domain.ledger import LedgerAccount, LedgerEntry, LedgerTransaction, Posting
from domain.movement_sums import Span, books_agree, in_words
from tests.builders import NOW, a_paid_payment

PAYMENT = replace(a_paid_payment(), gateway_charge_id="ch_1")
SPAN = Span(NOW, NOW + timedelta(hours=6))


def booked(
    fact: str, amount: int, *, hours: float = 1, corrects: str | None = None
) -> LedgerTransaction:
    """Money of this account, and of another that does not count."""
    clearing = LedgerAccount.GATEWAY_CLEARING
    postings = (
        Posting(clearing, amount, "USD", PAYMENT.gateway_id),
        Posting(clearing, 999, "USD", "gw_platform"),
        Posting(LedgerAccount.MERCHANT_PAYABLE, -amount - 999, "USD"),
    )
    return LedgerTransaction(
        id=f"ltx_{fact}",
        tenant_id=PAYMENT.tenant_id,
        payment_id=PAYMENT.id,
        fact_key=fact,
        reason="test",
        created_at=NOW + timedelta(hours=hours),
        entries=tuple(LedgerEntry("len_1", posting) for posting in postings),
        corrects=corrects,
    )


def moved(source: str, net: int, kind: MovementKind = MovementKind.CHARGE) -> Movement:
    """A movement of dollars."""
    return Movement(source_id=source, kind=kind, net=net, fee=0, currency="USD")


CHARGED = [
    booked("capture:ch_1", 10_000),
    booked("settlement:ch_1", -320),
    booked("application_fee:fee_1", -300),
]
REFUNDED = [booked("refund:re_1", -500), booked("refund:re_1:2", 100, corrects="refund:re_1")]


@pytest.mark.parametrize(
    ("ours", "theirs", "do_agree"),
    [
        (CHARGED, [moved("ch_1", 9_380)], True),
        (CHARGED, [moved("ch_1", 9_381)], False),
        (CHARGED, [], False),
        ([], [moved("ch_1", 9_380)], False),
        ([], [moved("re_1", -5), moved("re_1", 5)], True),
        ([*CHARGED, *REFUNDED], [moved("ch_1", 9_380), moved("re_1", -400)], True),
        ([*CHARGED, *REFUNDED], [moved("ch_1", 9_380)], False),
        (CHARGED, [moved("ch_1", 9_380), moved("po_1", -7, MovementKind.OTHER)], True),
        ([*CHARGED, booked("refund:re_1", -500, hours=-1)], [moved("ch_1", 9_380)], True),
        ([*CHARGED, booked("refund:re_1", -500, hours=6)], [moved("ch_1", 9_380)], True),
        ([*CHARGED, booked("fx_difference:ch_1", 0)], [moved("ch_1", 9_380)], True),
    ],
    ids=[
        "a charge is what was captured less both fees",
        "a cent",
        "booked and not moved",
        "moved and not booked",
        "a refund that came back",
        "with a correction",
        "a refund that nobody made",
        "a payout",
        "a refund of before the span",
        "a refund of after it",
        "no money of this account",
    ],
)
def test_sources_are_compared_one_by_one(
    ours: list[LedgerTransaction], theirs: list[Movement], *, do_agree: bool
) -> None:
    """Each to the cent; what was booked at another time is another span's."""
    assert books_agree(ours, theirs, PAYMENT, SPAN) is do_agree


def test_sums_in_words() -> None:
    """Currency by currency, nothing where it comes to nothing."""
    assert in_words(Counter({"USD": -5, "EUR": 7, "JPY": 0})) == "7 EUR, -5 USD"
    assert in_words(Counter()) == "0"
