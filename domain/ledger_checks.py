"""The books held against the payments: what a payment caches must be what its entries come to.

Both are written in one transaction under one lock, so a difference is a fault of Tollgate, or of
whoever changed the database past it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from domain.payment import PaymentStatus

DIFFERENCES_MAX = 100
"""Differences told of one tenant; books with more are not worth listing."""

BATCH = 1_000
"""Payments, or transactions, looked at in one statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cached:
    """The amounts that a payment's row holds, in minor units of its currency."""

    status: PaymentStatus
    captured: int
    refunded: int
    platform_fee: int
    platform_fee_refunded: int
    gateway_fee: int
    gateway_fee_is_final: bool
    dispute_lost: int
    dispute_fee: int
    application_fee: int
    application_fee_refunded: int
    net: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What the payment's entries come to in its currency; money that went out is above zero.
    `unbalanced` counts the transactions of the payment that do not balance, or lack an entry."""

    captured: int
    refunded: int
    revenue: int
    receivable: int
    payable: int
    gateway_fee: int
    dispute_loss: int
    application_fee: int
    application_fee_refunded: int
    unbalanced: int

    @property
    def net(self) -> int:
        """What the merchant keeps, by the books alone."""
        return -(self.payable + self.receivable + self.gateway_fee + self.dispute_loss)


@dataclass(frozen=True, slots=True)
class PaymentBooks:
    """One payment, both ways."""

    payment_id: str
    cached: Cached
    booked: Booked


@dataclass(frozen=True, slots=True)
class Difference:
    """An amount of a payment that its books do not confirm, in minor units."""

    payment_id: str
    name: str
    cached: int
    booked: int

    def __str__(self) -> str:
        return f"{self.payment_id}: {self.name} is {self.cached}, the books say {self.booked}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a tenant's books: every difference, at most DIFFERENCES_MAX."""

    tenant_id: str
    payments: int
    differences: tuple[Difference, ...]


class LedgerCheckStore(Protocol):
    """The books and payments, in one transaction."""

    async def tenant_ids(self) -> Sequence[str]:
        """Every tenant, in a transaction across tenants."""
        ...

    async def count(self, tenant_id: str) -> int:
        """How many payments there are to check."""
        ...

    async def page(self, tenant_id: str, *, after: str, limit: int) -> Sequence[PaymentBooks]:
        """The payments with ids above this one, in order, with their books."""
        ...


class LedgerCheckWork(Protocol):
    """One transaction."""

    @property
    def ledger_checks(self) -> LedgerCheckStore: ...


class LedgerCheckDatabase(Protocol):
    """Opens transactions that only read."""

    def begin(self, tenant_id: str) -> AbstractAsyncContextManager[LedgerCheckWork]: ...

    def begin_across_tenants(self) -> AbstractAsyncContextManager[LedgerCheckWork]: ...


class LedgerChecks:
    """Checks the books. It writes nothing and locks nothing."""

    def __init__(self, database: LedgerCheckDatabase, *, batch: int = BATCH) -> None:
        self._database = database
        self._batch = batch

    async def tenant_ids(self) -> Sequence[str]:
        """Whose books there are to check."""
        async with self._database.begin_across_tenants() as work:
            return await work.ledger_checks.tenant_ids()

    async def count(self, tenant_id: str) -> int:
        """How many payments of the tenant there are to check."""
        async with self._database.begin(tenant_id) as work:
            return await work.ledger_checks.count(tenant_id)

    async def check(self, tenant_id: str, *, checked: Callable[[int], object]) -> Verdict:
        """Holds every payment of the tenant against its books; `checked` hears how many each step
        added. A payment that moves meanwhile is seen before or after, never between."""
        after, total = "", 0
        found: list[Difference] = []
        while True:
            async with self._database.begin(tenant_id) as work:
                page = await work.ledger_checks.page(tenant_id, after=after, limit=self._batch)
            found += [difference for each in page for difference in differences(each)]
            checked(len(page))
            total += len(page)
            if len(page) < self._batch:
                return Verdict(tenant_id, total, tuple(found[:DIFFERENCES_MAX]))
            after = page[-1].payment_id


def differences(books: PaymentBooks) -> Iterator[Difference]:
    """The amounts that the books do not confirm. No estimate is ever booked: the gateway's fee is
    in the books once it is final, and in what is kept of the payment before."""
    cached, booked = books.cached, books.booked
    settled = cached.gateway_fee if cached.gateway_fee_is_final else 0
    is_paid = cached.status is PaymentStatus.PAID
    amounts = (
        ("captured", cached.captured, booked.captured),
        ("refunded", cached.refunded, booked.refunded),
        (
            "the platform's fee, less what was returned",
            cached.platform_fee - cached.platform_fee_refunded if is_paid else 0,
            booked.revenue,
        ),
        ("the gateway's fee", settled, booked.gateway_fee),
        ("lost to disputes", cached.dispute_lost + cached.dispute_fee, booked.dispute_loss),
        ("taken for the platform", cached.application_fee, booked.application_fee),
        (
            "returned of what was taken",
            cached.application_fee_refunded,
            booked.application_fee_refunded,
        ),
        ("net", cached.net + cached.gateway_fee - settled if is_paid else 0, booked.net),
        ("the number of unbalanced transactions", 0, booked.unbalanced),
    )
    for name, expected, found in amounts:
        if expected != found:
            yield Difference(books.payment_id, name, expected, found)
