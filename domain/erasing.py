"""A payer's wish to be forgotten: what Tollgate holds of them is blanked, order by order.

What stays is what the books need: amounts, currencies, fees, states, times, the merchant's own
reference, the gateway's ids, a card's brand and last four digits, and digests of what was asked
under an idempotency key, without which a repeated call would move money twice.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from domain.audit import AuditEntry
from domain.caller import Actor
from domain.ids import Prefix, new_id
from domain.order import Order
from domain.payment import Payment
from domain.ports import Clock, Work

BATCH = 50
"""Orders blanked in one transaction, so that none is locked for long."""


class PayerStore(Protocol):
    """What is held of payers, in one transaction. All but `tenant_ids` are about its tenant."""

    async def tenant_ids(self) -> Sequence[str]:
        """Every tenant, in a transaction across tenants."""
        ...

    async def order_count(self, tenant_id: str, email: str) -> int: ...

    async def order_ids(
        self, tenant_id: str, email: str, *, after: str, limit: int
    ) -> Sequence[str]:
        """Orders above this id with this e-mail address in any case, in the order of their ids."""
        ...

    async def forget_requests(self, tenant_id: str, payment_id: str) -> None:
        """Empties the requests that made the payment: they hold its metadata and return URL."""
        ...

    async def forget_payloads(self, tenant_id: str, payment_id: str) -> int:
        """Empties the payloads of the payment's events, and takes the payer out of those that are
        still to be worked off; how many."""
        ...


class ErasingWork(Work, Protocol):
    """One transaction, with what is held of payers."""

    @property
    def payers(self) -> PayerStore: ...


class ErasingDatabase(Protocol):
    """Opens transactions."""

    def begin(self, tenant_id: str) -> AbstractAsyncContextManager[ErasingWork]: ...

    def begin_across_tenants(self) -> AbstractAsyncContextManager[ErasingWork]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What was blanked within one tenant. `left` are orders that are being paid, or refunded, at
    this moment: to be asked for again when that has ended."""

    orders: int = 0
    payments: int = 0
    notes: int = 0
    payloads: int = 0
    left: tuple[str, ...] = ()

    def __add__(self, other: Erasure) -> Erasure:
        return Erasure(
            orders=self.orders + other.orders,
            payments=self.payments + other.payments,
            notes=self.notes + other.notes,
            payloads=self.payloads + other.payloads,
            left=self.left + other.left,
        )


class PayerEraser:
    """Blanks a payer's data. Killed anywhere, it goes on with what is left when it is run again."""

    def __init__(self, database: ErasingDatabase, clock: Clock, *, batch: int = BATCH) -> None:
        self._database = database
        self._clock = clock
        self._batch = batch

    async def tenant_ids(self) -> Sequence[str]:
        """Whose orders may be the payer's."""
        async with self._database.begin_across_tenants() as work:
            return await work.payers.tenant_ids()

    async def count(self, tenant_id: str, email: str) -> int:
        """How many of the tenant's orders have this e-mail address, in upper or lower case."""
        async with self._database.begin(tenant_id) as work:
            return await work.payers.order_count(tenant_id, as_stored(email))

    async def erase(
        self, actor: Actor, tenant_id: str, email: str, *, looked_at: Callable[[int], object]
    ) -> Erasure:
        """Blanks the payer's orders with all that belongs to them; each is blanked whole, with its
        audit entry in the same commit, or left. `looked_at` hears how many each step added."""
        done, last = Erasure(), ""
        while True:
            async with self._database.begin(tenant_id) as work:
                found = await work.payers.order_ids(
                    tenant_id, as_stored(email), after=last, limit=self._batch
                )
                for order_id in found:
                    done += await _erase_order(work, actor, tenant_id, order_id, self._clock.now())
                await work.commit()
            looked_at(len(found))
            if len(found) < self._batch:
                return done
            last = found[-1]


def as_stored(email: str) -> str:
    """The address as orders hold it: NFC, without spaces around it."""
    return unicodedata.normalize("NFC", email.strip())


async def _erase_order(
    work: ErasingWork, actor: Actor, tenant_id: str, order_id: str, now: datetime
) -> Erasure:
    order = await work.orders.lock(tenant_id, order_id)
    payments = [
        await work.payments.lock(tenant_id, payment.id)
        for payment in await work.payments.of_order(tenant_id, order_id)
    ]
    if await _is_under_way(work, payments):
        return Erasure(left=(order_id,))
    erased = Erasure(orders=1)
    for payment in payments:
        erased += await _erase_payment(work, payment, now)
    await work.orders.save(replace(order, customer_email=None, metadata={}, updated_at=now))
    await work.audit.append(_entry(order, erased, actor, now))
    return erased


async def _is_under_way(work: ErasingWork, payments: Sequence[Payment]) -> bool:
    """Whether the gateway may still have to be asked again in the very same words."""
    for payment in payments:
        if payment.is_live or await work.operations.open_of_payment(payment.tenant_id, payment.id):
            return True
    return False


async def _erase_payment(work: ErasingWork, payment: Payment, now: datetime) -> Erasure:
    tenant_id = payment.tenant_id
    await work.payments.save(replace(payment, metadata={}, updated_at=now))
    noted = [
        refund
        for refund in await work.refunds.of_payment(tenant_id, payment.id)
        if refund.note is not None
    ]
    for refund in noted:
        await work.refunds.save(replace(refund, note=None, updated_at=now))
    await work.payers.forget_requests(tenant_id, payment.id)
    payloads = await work.payers.forget_payloads(tenant_id, payment.id)
    return Erasure(payments=1, notes=len(noted), payloads=payloads)


def _entry(order: Order, erased: Erasure, actor: Actor, now: datetime) -> AuditEntry:
    """What was done, and nothing by which the payer could be told."""
    return AuditEntry(
        id=new_id(Prefix.AUDIT_ENTRY),
        tenant_id=order.tenant_id,
        at=now,
        actor=actor,
        action="order.payer_erased",
        subject_id=order.id,
        before=None,
        after={
            "payments": erased.payments,
            "notes": erased.notes,
            "payloads": erased.payloads,
        },
    )
