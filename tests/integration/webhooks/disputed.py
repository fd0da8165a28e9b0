"""Payments in dispute: opened and decided at the sandbox, heard of by webhook."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from domain.commands import CreateOrder, RefundPayment
from domain.dispute import Dispute
from domain.payment import Payment
from domain.refund import RefundReason
from tests.e2e.sandbox.control import eventually
from tests.integration.webhooks.shop import USER, Shop

FEE = 1_500


class Disputed:
    """One payment of a shop, and what the bank does to it."""

    def __init__(self, shop: Shop, payment: Payment) -> None:
        self.shop = shop
        self.payment = payment
        self._heard: set[str] = set()

    async def open(self, **details: Any) -> str:
        """Opens a dispute at the sandbox; its gateway's id. Nothing is heard of it yet."""
        opened = await self.shop.control.dispute(str(self.payment.gateway_charge_id), **details)
        return str(opened["id"])

    async def hear(self, *types: str) -> None:
        """Works off the account's events that were not heard of yet; of these types only, if any
        are named."""
        for event in await self.shop.gateway_events(*types):
            if event["id"] not in self._heard:
                self._heard.add(event["id"])
                await self.shop.receive(event)
        await self.shop.work_off()

    async def go(self, gateway_id: str, *statuses: str, **details: Any) -> Payment:
        """The payment after the bank took the dispute through these statuses, each heard of."""
        for status in statuses:
            await self.shop.control.decide(gateway_id, status, **details)
            await self.hear()
        return await self.now()

    async def now(self) -> Payment:
        """The payment as it is now."""
        return await self.shop.now_of(self.payment)

    async def disputes(self) -> Sequence[Dispute]:
        """Its disputes, oldest first."""
        async with self.shop.database.begin(self.shop.tenant.id) as work:
            return await work.disputes.of_payment(self.shop.tenant.id, self.payment.id)

    async def one(self) -> Dispute:
        """Its only dispute."""
        (dispute,) = await self.disputes()
        return dispute

    async def refund(self, amount: int | None = None) -> Payment:
        """A refund through Tollgate; the payment after it."""
        command = RefundPayment(
            payment_id=self.payment.id,
            idempotency_key=secrets.token_hex(8),
            reason=RefundReason.REQUESTED_BY_CUSTOMER,
            amount=amount,
        )
        return (await self.shop.payments.refund(USER, self.shop.tenant.id, command)).payment

    async def order_facts(self) -> tuple[str, int, bool]:
        """The order's status, what is left to pay, and whether it is in dispute."""
        async with self.shop.database.begin(self.shop.tenant.id) as work:
            order = await work.orders.find(self.shop.tenant.id, self.payment.order_id)
        assert order is not None
        return order.status.value, order.remaining, order.is_disputed


async def a_settled(shop: Shop, currency: str = "USD") -> Disputed:
    """A charge of 100.00 whose settlement was heard of."""
    disputed = await a_fresh(shop, currency)
    disputed.payment = await a_settlement(disputed)
    return disputed


async def a_settlement(disputed: Disputed) -> Payment:
    """The payment once its settlement, which comes a moment later, was heard of."""
    await eventually(lambda: disputed.shop.gateway_events("charge.updated"), bool)
    await disputed.hear()
    settled = await disputed.now()
    assert settled.gateway_fee_is_final
    return settled


async def a_fresh(shop: Shop, currency: str = "USD") -> Disputed:
    """A charge of 100.00 of which only the answer is known."""
    order = CreateOrder(
        reference=secrets.token_hex(8),
        total=10_000,
        currency=currency,
        idempotency_key=secrets.token_hex(8),
        metadata={},
    )
    opened = (await shop.orders.create(USER, shop.tenant.id, order)).order
    command = replace(await shop.start_command(), order_id=opened.id)
    return Disputed(shop, (await shop.payments.charge(USER, shop.tenant.id, command)).payment)
