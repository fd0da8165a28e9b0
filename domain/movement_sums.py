"""Sums of money moved at the gateway, and of what the books say of the same.

Minor units by currency, as Counters: to those a currency of nothing is the same as none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.gateway_balance import Movement, MovementKind
from domain.ledger import LedgerAccount, LedgerTransaction
from domain.payment import Payment


@dataclass(frozen=True, slots=True)
class Span:
    """From a moment until before another."""

    begin: datetime
    end: datetime


_OF_CHARGE = frozenset({"capture", "settlement", "application_fee"})
_OF_OBJECT = frozenset({"refund", "refund_settlement", "dispute", "fee_refund"})


def booked_sums(booked: Iterable[LedgerTransaction], gateway_id: str) -> Counter[str]:
    """What the books say moved in the account of this gateway row."""
    sums: Counter[str] = Counter()
    for transaction in booked:
        for posting in transaction.postings:
            is_money = posting.account is LedgerAccount.GATEWAY_CLEARING
            if is_money and posting.gateway_id == gateway_id:
                sums[posting.currency] += posting.amount
    return sums


def without_fee_refunds(booked: Iterable[LedgerTransaction]) -> list[LedgerTransaction]:
    """Those that a payment's charge, refunds and disputes tell of: what the platform gave back of
    its fee, the gateway shows apart from them."""
    return [each for each in booked if each.fact.partition(":")[0] != "fee_refund"]


def books_agree(
    booked: Iterable[LedgerTransaction],
    movements: Iterable[Movement],
    payment: Payment,
    span: Span,
) -> bool:
    """Whether the payment's books say of each source exactly what its movements come to, and tell
    of no other that was booked in the span. False may only mean that a part moved at another
    time."""
    theirs: dict[str, Counter[str]] = defaultdict(Counter)
    for movement in movements:
        if movement.kind is not MovementKind.OTHER:
            theirs[movement.source_id][movement.currency] += movement.net
    ours: dict[str, list[LedgerTransaction]] = defaultdict(list)
    for transaction in booked:
        source = _source(transaction, payment.gateway_charge_id)
        if source in theirs or (source and span.begin <= transaction.created_at < span.end):
            ours[source].append(transaction)
    nothing: Counter[str] = Counter()
    return all(
        booked_sums(ours.get(source, ()), payment.gateway_id) == theirs.get(source, nothing)
        for source in theirs.keys() | ours.keys()
    )


def in_words(sums: Counter[str]) -> str:
    """The sums for people."""
    moved = (f"{cents} {currency}" for currency, cents in sorted(sums.items()) if cents)
    return ", ".join(moved) or "0"


def _source(transaction: LedgerTransaction, charge_id: str | None) -> str | None:
    """The gateway's object that the fact is of: the charge, of what is taken with it."""
    kind, _, source = transaction.fact.partition(":")
    if kind in _OF_CHARGE:
        return charge_id
    return source if kind in _OF_OBJECT else None
