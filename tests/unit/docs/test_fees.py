"""docs/fees.md: every example in it, reckoned by the functions that the service uses."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from _pytest.mark.structures import ParameterSet

from domain import posting_rules
from domain.fees import (
    FeeRefundPolicy,
    FeeTerms,
    captured_platform_fee,
    gateway_fee_estimate,
    platform_fee,
    returned_fee,
)
from domain.payment import ApplicationFee, Payment, SettlementFacts
from domain.posting_rules import Fact
from domain.refund import RefundSettlement, RefundStatus
from domain.snapshot import FeeRefundSnapshot
from domain.tenant import GatewayMode
from tests.builders import SCHEDULE, a_paid_payment, a_refund
from tests.conftest import ROOT
from tests.unit.domain.disputes import G, a_dispute, moved, taken

TEXT = (ROOT / "docs" / "fees.md").read_text(encoding="utf-8")
BLOCKS = re.findall(
    r"^```(fee-example|refund-example|postings) (.+?)\n(.+?)\n```$", TEXT, re.M | re.S
)


def blocks(kind: str) -> list[ParameterSet]:
    """The examples of a kind, by their titles."""
    return [pytest.param(title, body, id=title) for at, title, body in BLOCKS if at == kind]


def numbers(line: str) -> list[int]:
    """The whole numbers in a line."""
    return [int(number) for number in re.findall(r"-?\d+", line)]


def field(body: str, name: str) -> str | None:
    """What a line of the block says after the name."""
    found = re.search(rf"^{name} (.+)$", body, re.M)
    return found[1] if found else None


def test_there_are_examples() -> None:
    """The tests below have something to look at, and no block is passed over."""
    kinds = [kind for kind, _, _ in BLOCKS]
    fences = re.findall(r"^```(\S+)", TEXT, re.M)

    assert (kinds.count("fee-example"), kinds.count("refund-example")) == (8, 2)
    assert kinds.count("postings") == 14
    assert fences.count("sh") == len(fences) - len(BLOCKS) == 2


@pytest.mark.parametrize(("title", "body"), blocks("fee-example"))
def test_a_fee(title: str, body: str) -> None:
    """Terms and an amount, and what they come to."""
    basis_points, fixed = numbers(field(body, "terms") or "")
    terms = FeeTerms(basis_points, fixed, FeeRefundPolicy.RETURN_PROPORTIONALLY, "fee_1", None)
    fee = int(field(body, "platform fee") or "")
    captured = field(body, "captured")
    if captured is not None:
        assert captured_platform_fee(terms, numbers(captured)[0]) == fee, title
        return
    (amount,) = numbers(field(body, "amount") or "")
    kept = gateway_fee_estimate(SCHEDULE, amount)
    assert platform_fee(terms, amount) == fee
    assert kept == int(field(body, "gateway fee") or "")
    assert amount - fee - kept == int(field(body, "net") or "")


@pytest.mark.parametrize(("title", "body"), blocks("refund-example"))
def test_a_refund(title: str, body: str) -> None:
    """Each refund's part, and all of the fee or nothing in the end."""
    policy = FeeRefundPolicy(field(body, "policy") or "")
    fee, captured = numbers(field(body, "fee") or "")
    refunded = returned = 0
    for line in re.findall(r"^refund (.+)$", body, re.M):
        amount, part = numbers(line)
        refunded += amount
        assert returned_fee(policy, fee, refunded, captured) - returned == part, title
        returned += part
    assert refunded == captured


@pytest.mark.parametrize(("title", "body"), blocks("postings"))
def test_postings(title: str, body: str) -> None:
    """The entries of a fact, each line of them and no other."""
    found = [
        f"{at.account} {at.amount:+}{'' if at.currency == 'USD' else f' {at.currency}'}"
        for at in fact_of(title).postings
    ]
    assert sorted(found) == sorted(body.splitlines())


def fact_of(title: str) -> Fact:
    """The fact that a block's title names, of 100.00 USD at Starter."""
    kind, *words = title.split()
    paid = a_paid_payment()
    if kind == "capture":
        return posting_rules.capture(paid, GatewayMode(words[-1]))
    if kind == "application_fee":
        return posting_rules.application_fee(settled(paid, in_euros=False), "gw_platform")
    if kind == "fee_refund":
        returned = FeeRefundSnapshot("fr_1", "fee_1", 120, "USD", None, 120)
        return posting_rules.fee_refund(settled(paid, in_euros=False), returned, "gw_platform")
    if kind == "settlement":
        return posting_rules.settlement(settled(paid, in_euros="EUR" in words))
    if kind in {"refund_settlement", "fx_difference"}:
        converted, euros = settled(paid, in_euros=True), RefundSettlement(3_800, None, "EUR")
        refund = a_refund(status=RefundStatus.SUCCEEDED, gateway_refund_id="re_1", settlement=euros)
        if kind == "fx_difference":
            return posting_rules.fx_difference(converted, [refund])
        return posting_rules.refund_settlement(converted, refund)
    if kind == "refund":
        refund = a_refund(
            status=RefundStatus.SUCCEEDED, platform_fee_refunded=120, gateway_refund_id="re_1"
        )
        return posting_rules.refund(paid, refund, GatewayMode(words[-1]))
    status = {"open": G.NEEDS_RESPONSE, "lost": G.LOST, "won": G.WON}[words[-1]]
    back = [moved(10_000)] if status is G.WON else []
    return posting_rules.dispute(paid, a_dispute(status, taken(), *back))


def settled(payment: Payment, *, in_euros: bool) -> Payment:
    """The payment once the gateway's fee is known."""
    facts = SettlementFacts(10_000, 320, "USD", None, ApplicationFee("fee_1", 300, 300))
    if in_euros:
        facts = SettlementFacts(9_200, 290, "EUR", "0.92")
    fee = 315 if in_euros else 320
    return replace(payment, settlement=facts, gateway_fee=fee, gateway_fee_is_final=True)
