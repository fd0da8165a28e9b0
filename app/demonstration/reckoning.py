"""The sandbox's ledger beside Tollgate's own amounts, to the cent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.demonstration.api import Payment
from app.demonstration.figures import dollars
from app.demonstration.judge import Books, Facts


def facts_of(payment: Payment) -> Facts:
    """What moved, by Tollgate's word."""
    return Facts(
        payment.captured_amount.amount_cents,
        payment.refunded_amount.amount_cents,
        payment.gateway_fee.amount_cents,
    )


def differences(before: Books, after: Books, payments: Iterable[Payment]) -> Iterator[str]:
    """A sentence for each amount in which the ledger and Tollgate differ.

    The balance grew by what the merchants keep and the platform's fees: nothing else may be in it.
    """
    held = list(payments)
    for payment in held:
        there = after.by_intent.get(payment.gateway_payment_id, Facts())
        if there != facts_of(payment):
            yield f"ledger, {payment.id}: {_said(there)}, but Tollgate {_said(facts_of(payment))}"
    moved, ours = after.total - before.total, total(held)
    if moved != ours:
        yield f"ledger, all together: {_said(moved)}, but Tollgate {_said(ours)}"
    grown, due = after.balance - before.balance, sum(_due(payment) for payment in held)
    if grown != due:
        yield f"ledger, balance: it grew by {dollars(grown)}, but Tollgate says {dollars(due)}"


def total(payments: Iterable[Payment]) -> Facts:
    """What moved in all of them together, by Tollgate's word."""
    return sum((facts_of(payment) for payment in payments), Facts())


def agreement(payments: Iterable[Payment]) -> str:
    """The line that says that both agree."""
    held = list(payments)
    nets = sum(payment.net_amount.amount_cents for payment in held)
    fees = sum(payment.figures().platform_fee for payment in held)
    return (
        f"ledger: sandbox and Tollgate agree to the cent: {_said(total(held))}; "
        f"balance {dollars(nets + fees)} = net {dollars(nets)} + platform fees {dollars(fees)}"
    )


def _due(payment: Payment) -> int:
    figures = payment.figures()
    return figures.net + figures.platform_fee if payment.captured_amount.amount_cents else 0


def _said(facts: Facts) -> str:
    return (
        f"captured {dollars(facts.captured)}, refunded {dollars(facts.refunded)}, "
        f"gateway fees {dollars(facts.gateway_fee)}"
    )
