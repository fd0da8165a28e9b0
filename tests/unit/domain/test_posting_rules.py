"""What each fact puts into the books, written as the tables that an accountant would check."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain import posting_rules
from domain.ledger import Posting, balances
from domain.payment import ApplicationFee, Payment, SettlementFacts
from domain.posting_rules import Fact
from domain.refund import RefundStatus
from domain.snapshot import FeeRefundSnapshot
from domain.tenant import GatewayMode
from tests.builders import GATEWAY, a_paid_payment, a_refund
from tests.unit.domain.disputes import FEE, G, a_dispute, moved, taken

PLATFORM, OWN, CONNECT = GatewayMode.PLATFORM, GatewayMode.OWN, GatewayMode.CONNECT
BACK = moved(10_000)


def a_settled_payment(**changes: object) -> Payment:
    """100.00 USD at Starter, of which the gateway kept 3.20."""
    settled = SettlementFacts(10_000, 320, "USD", None)
    paid = a_paid_payment(settlement=settled, gateway_fee_is_final=True)
    return replace(paid, **changes)  # type: ignore[arg-type]


def a_converted_payment() -> Payment:
    """The same, settled as 92.00 EUR less 2.90: 3.15 USD."""
    settled = SettlementFacts(9_200, 290, "EUR", "0.92")
    return a_settled_payment(settlement=settled, gateway_fee=315)


def table(fact: Fact) -> set[str]:
    """The fact's postings as lines; the gateway row is checked, and left out."""
    assert set(balances(fact.postings).values()) <= {0}
    for posting in fact.postings:
        is_clearing = posting.account == "gateway_clearing"
        assert posting.gateway_id == (GATEWAY if is_clearing else None)
    return {_line(posting) for posting in fact.postings}


def _line(posting: Posting) -> str:
    suffix = "" if posting.currency == "USD" else f" {posting.currency}"
    return f"{posting.account} {posting.amount:+}{suffix}"


def lines(text: str) -> set[str]:
    """The lines of a table as a test writes it."""
    return {line.strip() for line in text.split(";") if line.strip()}


OWED = "platform_fee_receivable +300; platform_fee_revenue -300"


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (
            PLATFORM,
            "gateway_clearing +10000; merchant_payable -9700; platform_fee_revenue -300",
        ),
        (OWN, f"gateway_clearing +10000; merchant_payable -10000; {OWED}"),
        (CONNECT, f"gateway_clearing +10000; merchant_payable -10000; {OWED}"),
    ],
)
def test_a_capture(mode: GatewayMode, expected: str) -> None:
    """The platform keeps its fee of its own account, and is owed it of another."""
    fact = posting_rules.capture(a_paid_payment(), mode)

    assert (fact.key, fact.reason) == ("capture:ch_3abc", "captured")
    assert table(fact) == lines(expected)


@pytest.mark.parametrize("mode", list(GatewayMode))
def test_a_fee_of_nothing_has_no_entry(mode: GatewayMode) -> None:
    """The books hold no entries of zero."""
    fact = posting_rules.capture(a_paid_payment(platform_fee=0), mode)

    assert table(fact) == {"gateway_clearing +10000", "merchant_payable -10000"}


@pytest.mark.parametrize(
    ("payment", "expected"),
    [
        (a_paid_payment(), ""),
        (a_settled_payment(), "gateway_fee_expense +320; gateway_clearing -320"),
        (
            a_converted_payment(),
            "fx_clearing +10000; gateway_clearing -10000;"
            "gateway_clearing +9200 EUR; fx_clearing -9200 EUR;"
            "fx_clearing +290 EUR; gateway_clearing -290 EUR;"
            "gateway_fee_expense +315; fx_clearing -315",
        ),
    ],
    ids=["an estimate", "in dollars", "in euros"],
)
def test_a_settlement(payment: Payment, expected: str) -> None:
    """What the gateway kept, once it is final; a conversion leaves the money in euros."""
    assert table(posting_rules.settlement(payment)) == lines(expected)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (
            PLATFORM,
            "merchant_payable +3880; platform_fee_revenue +120; gateway_clearing -4000",
        ),
        (
            OWN,
            "merchant_payable +4000; gateway_clearing -4000;"
            "platform_fee_revenue +120; platform_fee_receivable -120",
        ),
    ],
)
def test_a_refund(mode: GatewayMode, expected: str) -> None:
    """It gives back its part of the fee; one that has not succeeded, or failed after all, has
    nothing in the books."""
    refund = a_refund(
        status=RefundStatus.SUCCEEDED, platform_fee_refunded=120, gateway_refund_id="re_1"
    )
    fact = posting_rules.refund(a_paid_payment(), refund, mode)
    failed = replace(refund, status=RefundStatus.FAILED, platform_fee_refunded=0)

    assert fact.key == "refund:re_1"
    assert table(fact) == lines(expected)
    assert posting_rules.refund(a_paid_payment(), failed, mode).postings == ()
    assert posting_rules.refund(a_paid_payment(), failed, mode).reason == "refund failed"


@pytest.mark.parametrize(
    ("status", "transactions", "expected"),
    [
        (G.WARNING_NEEDS_RESPONSE, [], ""),
        (
            G.NEEDS_RESPONSE,
            [taken()],
            "dispute_hold +10000; dispute_loss +1500; gateway_clearing -11500",
        ),
        (G.LOST, [taken()], "dispute_loss +11500; gateway_clearing -11500"),
        (G.WON, [taken(), BACK], "dispute_loss +1500; gateway_clearing -1500"),
        (G.WON, [taken(), moved(10_000, -FEE)], ""),
        (
            G.WON,
            [taken()],
            "dispute_hold +10000; dispute_loss +1500; gateway_clearing -11500",
        ),
        (G.LOST, [taken(4_000)], "dispute_loss +5500; gateway_clearing -5500"),
        (G.LOST, [taken(), BACK, moved(-10_000)], "dispute_loss +11500; gateway_clearing -11500"),
    ],
    ids=[
        "an inquiry",
        "open",
        "lost",
        "won",
        "won, and the fee returned",
        "won, and not paid back yet",
        "lost in part",
        "won, then lost",
    ],
)
def test_a_dispute(status: G, transactions: list[object], expected: str) -> None:
    """Its money is held until it is decided; its fee is lost at once."""
    disputed = a_dispute(status, *transactions)  # type: ignore[arg-type]
    fact = posting_rules.dispute(a_settled_payment(), disputed)

    assert fact.key == "dispute:du_1"
    assert table(fact) == lines(expected)


def test_a_dispute_in_another_currency() -> None:
    """The account lost euros; the merchant's loss is told in the payment's own currency."""
    disputed = a_dispute(G.LOST, moved(-9_200, 1_380, "EUR"))
    fact = posting_rules.dispute(a_converted_payment(), disputed)

    assert table(fact) == lines(
        "dispute_loss +11500; fx_clearing -11500;"
        "fx_clearing +10580 EUR; gateway_clearing -10580 EUR"
    )


def test_an_application_fee() -> None:
    """It pays what is due, from the connected account into the platform's; in another settlement
    currency it leaves the account as it was converted."""
    fee = ApplicationFee("fee_1", 300, 276)
    dollars = SettlementFacts(10_000, 320, "USD", None, fee)
    euros = SettlementFacts(9_200, 290, "EUR", "0.92", fee)
    told = [
        posting_rules.application_fee(a_settled_payment(settlement=facts), "gw_platform")
        for facts in (dollars, euros)
    ]

    assert [fact.key for fact in told] == ["application_fee:fee_1"] * 2
    assert [at.gateway_id for at in told[0].postings if at.account == "gateway_clearing"] == [
        "gw_platform",
        GATEWAY,
    ]
    assert [{_line(at) for at in fact.postings} for fact in told] == [
        lines(
            "gateway_clearing +300; gateway_clearing -300;"
            "merchant_payable +300; platform_fee_receivable -300"
        ),
        lines(
            "gateway_clearing +300; fx_clearing -300; fx_clearing +276 EUR;"
            "gateway_clearing -276 EUR; merchant_payable +300; platform_fee_receivable -300"
        ),
    ]
    assert all(set(balances(fact.postings).values()) == {0} for fact in told)


@pytest.mark.parametrize("settled", [110, None])
def test_a_fee_refund(settled: int | None) -> None:
    """It comes back from the platform's account; in another settlement currency by what reached the
    account, or by its share where that is not shown."""
    fee = ApplicationFee("fee_1", 300, 276)
    returned = FeeRefundSnapshot("fr_1", "fee_1", 120, "USD", None, settled)
    dollars = SettlementFacts(10_000, 320, "USD", None, fee)
    euros = SettlementFacts(9_200, 290, "EUR", "0.92", fee)
    told = [
        posting_rules.fee_refund(a_settled_payment(settlement=facts), returned, "gw_platform")
        for facts in (dollars, euros)
    ]

    assert [fact.key for fact in told] == ["fee_refund:fr_1"] * 2
    assert [at.gateway_id for at in told[0].postings if at.account == "gateway_clearing"] == [
        "gw_platform",
        GATEWAY,
    ]
    assert [{_line(at) for at in fact.postings} for fact in told] == [
        lines(
            "gateway_clearing -120; gateway_clearing +120;"
            "merchant_payable -120; platform_fee_receivable +120"
        ),
        lines(
            "gateway_clearing -120; fx_clearing +120; fx_clearing -110 EUR;"
            "gateway_clearing +110 EUR; merchant_payable -120; platform_fee_receivable +120"
        ),
    ]
    assert all(set(balances(fact.postings).values()) == {0} for fact in told)


@pytest.mark.parametrize("fee", [None, ApplicationFee("fee_1", 0, 0)])
def test_no_application_fee(fee: ApplicationFee | None) -> None:
    """Where none was taken there is nothing to book."""
    facts = SettlementFacts(10_000, 320, "USD", None, fee)

    assert posting_rules.application_fee(a_settled_payment(settlement=facts), "gw_1").postings == ()
    assert posting_rules.application_fee(a_paid_payment(), "gw_1").postings == ()
