"""The books: what an entry and a transaction are, and the accounts that entries are made in.

An amount is signed: a debit is above zero, a credit below, and the entries of a transaction come to
zero in each currency (double entry). So an account with money that we are owed stands above zero,
and one with money that we owe, or have earned, stands below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class LedgerAccount(StrEnum):
    """The chart of accounts; each is kept for every tenant and currency apart."""

    GATEWAY_CLEARING = "gateway_clearing"
    """Money at the gateway, for each gateway row apart."""

    MERCHANT_PAYABLE = "merchant_payable"
    """What is the merchant's of the money taken."""

    PLATFORM_FEE_REVENUE = "platform_fee_revenue"
    """What the platform has earned in fees."""

    PLATFORM_FEE_RECEIVABLE = "platform_fee_receivable"
    """Fees that the merchant owes the platform; below zero, what the platform took too much."""

    GATEWAY_FEE_EXPENSE = "gateway_fee_expense"
    """What the gateway kept for itself."""

    DISPUTE_HOLD = "dispute_hold"
    """Money that a dispute took and that is not decided yet."""

    DISPUTE_LOSS = "dispute_loss"
    """Money lost to disputes for good, and the gateway's fees for them."""

    FX_CLEARING = "fx_clearing"
    """The two sides of a conversion, each in its own currency."""

    FX_DIFFERENCE = "fx_difference"
    """What a change of the rate between a payment and its refund won or lost."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One line that a rule asks for: `amount` minor units of `currency`, a debit above zero and a
    credit below. `gateway_id` is the gateway row of `gateway_clearing`, and of nothing else."""

    account: LedgerAccount
    amount: int
    currency: str
    gateway_id: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A posting as it stands in the books."""

    id: str
    posting: Posting


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTransaction:
    """What one fact put into the books, at `created_at`: the date of booking.

    `fact_key` names the fact (`capture:ch_…`). Where what is known of a fact changes, the change is
    a transaction of its own, with the next number (`capture:ch_…:2`) and the fact in `corrects`.
    `reason` says in a few words what happened.
    """

    id: str
    tenant_id: str
    payment_id: str
    fact_key: str
    reason: str
    created_at: datetime
    entries: tuple[LedgerEntry, ...]
    corrects: str | None = None

    @property
    def fact(self) -> str:
        """The fact that this books or corrects."""
        return self.corrects or self.fact_key

    @property
    def postings(self) -> tuple[Posting, ...]:
        """The entries' contents."""
        return tuple(entry.posting for entry in self.entries)


def balances(postings: Iterable[Posting]) -> Mapping[str, int]:
    """What the postings come to in each currency, in minor units: zero in each, if they balance."""
    sums: dict[str, int] = {}
    for posting in postings:
        sums[posting.currency] = sums.get(posting.currency, 0) + posting.amount
    return sums


def totals(postings: Iterable[Posting], currency: str) -> Mapping[LedgerAccount, int]:
    """What each account comes to in the currency, in minor units; an absent one is 0."""
    sums: dict[LedgerAccount, int] = {}
    for posting in postings:
        if posting.currency == currency:
            sums[posting.account] = sums.get(posting.account, 0) + posting.amount
    return sums
