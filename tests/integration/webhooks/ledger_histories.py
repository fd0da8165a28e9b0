"""Random histories of payments in one mode, heard of in pieces, and the books held against the
gateway's own ledger."""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from db.seeding import add_tenant
from domain.commands import CreateOrder, StartPayment
from domain.errors import DomainError
from domain.payment import Payment, PaymentStatus
from domain.refund import RefundStatus
from domain.tenant import GatewayMode
from tests.e2e.sandbox.control import eventually
from tests.integration.domain.calls import cancel, capture, refund
from tests.integration.domain.gateways import Desk, connect, new_key, own
from tests.integration.webhooks.shop import USER, Shop, wrong_books

TOTAL_MIN, TOTAL_MAX = 50, 100_000
"""In cents: the least that the gateway takes, and a thousand dollars."""

ENDS = ("lost", "won", "lost won", "won lost", "under_review lost", "")
"""What becomes of a dispute; the last stays open."""


@dataclass
class Trade:
    """One tenant in one mode, at the sandbox under accounts of its own."""

    shop: Shop
    mode: GatewayMode
    drawn: random.Random
    account_id: str
    headers: dict[str, str]
    currency: str = "USD"
    heard: set[str] = field(default_factory=set)
    payments: int = 0

    @classmethod
    async def of(cls, shop: Shop, mode: GatewayMode, seed: int, currency: str = "USD") -> Trade:
        """A new tenant of the shop, paid in this mode at a price that the seed sets, in this
        currency; its accounts are in dollars."""
        told = f"{mode}{seed}{currency}"
        drawn, desk = random.Random(told), Desk.of(shop)  # noqa: S311 - to be told again
        name = f"{mode.lower()}-{secrets.token_hex(4)}"
        shop.tenant, _ = await add_tenant(
            shop.engine, name=name, slug=name, tier_level=1, default_currency="USD"
        )
        await shop.write(
            "insert into platform_fee_overrides values (:tenant, :id, :points,"
            " jsonb_build_object(cast(:currency as text), cast(:fixed as int)),"
            " 'drawn', 'test', now(), null)",
            currency=currency,
            tenant=shop.tenant.id,
            id=f"fov_{name}",
            points=drawn.choice([0, 1, 50, 299, 300, 2_000]),
            fixed=drawn.choice([0, 0, 1, 30, 49]),
        )
        account_id, headers = await desk.account_of(shop.stripe_key), dict[str, str]()
        if mode is GatewayMode.OWN:
            key = new_key()
            account_id = await desk.account_of(key)
            await desk.configure(own(key, webhook_secret=f"whsec_{secrets.token_hex(16)}"))
            headers = {"Authorization": f"Bearer {key}"}
        elif mode is GatewayMode.CONNECT:
            account_id = await desk.connected(shop.tenant.id)
            await desk.configure(connect(account_id))
            headers = {"Stripe-Account": account_id}
        return cls(shop, mode, drawn, account_id, headers, currency)

    async def tell(self, count: int) -> None:
        """So many more payments, each from its beginning to wherever it gets."""
        begun = [await self._begin() for _ in range(count)]
        await self.hear_all()
        for payment in begun:
            await self._go_on(await self.shop.now_of(payment))
        await self.hear_all()
        self.payments += count

    async def _begin(self) -> Payment:
        total = self.drawn.randint(TOTAL_MIN, TOTAL_MAX)
        command = await start(self.shop, total, self.currency)
        if self.drawn.random() < 0.5:
            return (await self.shop.payments.charge(USER, self.shop.tenant.id, command)).payment
        held = (await self.shop.payments.authorize(USER, self.shop.tenant.id, command)).payment
        if self.drawn.random() < 0.15:
            done = await self.shop.payments.cancel(USER, self.shop.tenant.id, cancel(held))
            return done.payment
        part = self.drawn.randint(1, total)
        return (
            await self.shop.payments.capture(USER, self.shop.tenant.id, capture(held, part))
        ).payment

    async def _go_on(self, payment: Payment) -> None:
        if payment.status is not PaymentStatus.PAID:
            return
        for _ in range(self.drawn.choice([0, 0, 1, 2, 3])):
            payment = await self._give_back(payment)
        if self.drawn.random() < 0.2:
            await self._dispute(payment)

    async def _give_back(self, payment: Payment) -> Payment:
        if payment.refundable == 0:
            return payment
        amount = self.drawn.choice([payment.refundable, self.drawn.randint(1, payment.refundable)])
        wish = refund(payment, amount)
        try:
            done = await self.shop.payments.refund(USER, self.shop.tenant.id, wish)
        except DomainError:
            return await self.shop.now_of(payment)
        if done.refund.status is RefundStatus.SUCCEEDED and self.drawn.random() < 0.2:
            await self.shop.control.settle_refund(str(done.refund.gateway_refund_id), "failed")
            await self.hear()
        return await self.shop.now_of(payment)

    async def _dispute(self, payment: Payment) -> None:
        left = payment.captured - payment.refunded
        if left == 0:
            return
        amount = self.drawn.choice([left, self.drawn.randint(1, left)])
        opened = await self.shop.control.dispute(str(payment.gateway_charge_id), amount=amount)
        if self.drawn.random() < 0.5:
            await self.hear()
        for status in self.drawn.choice(ENDS).split():
            await self.shop.control.decide(str(opened["id"]), status)

    async def hear(self) -> None:
        """Works off the account's events that were not heard of yet, shuffled."""
        new = await self._new_events()
        self.drawn.shuffle(new)
        for event in new:
            self.heard.add(str(event["id"]))
            delivery = await self.shop.delivery(event)
            gateway_id = await self._endpoint(delivery.gateway_id)
            await self.shop.receiving.receive([replace(delivery, gateway_id=gateway_id)])
        await self.shop.work_off()

    async def hear_all(self) -> None:
        """Until every settlement is known."""

        async def unsettled() -> int:
            await self.hear()
            (found,) = await self.shop.rows(
                "select count(*) from payments where tenant_id = :tenant"
                " and payment_status = 'PAID' and not gateway_fee_is_final",
                tenant=self.shop.tenant.id,
            )
            return int(found[0])

        await eventually(unsettled, lambda count: count == 0, seconds=60)
        self.shop.clock.advance(60)
        await self.hear()
        await self.return_fees()

    async def return_fees(self) -> None:
        """Lets the worker send back what the gateway took for the platform beyond its fees."""
        while await self.shop.settler.settle_due(100):
            pass

    async def kept_fees(self) -> int:
        """How many payments have a part of a fee to be returned; a settled history leaves none."""
        (found,) = await self.shop.rows(
            "select count(*) from (select t.payment_id from ledger_entries e join"
            " ledger_transactions t on t.tenant_id = e.tenant_id and t.id = e.transaction_id"
            " where e.tenant_id = :tenant and e.account = 'platform_fee_receivable'"
            " group by t.payment_id having sum(e.amount_cents) < 0) as kept",
            tenant=self.shop.tenant.id,
        )
        return int(found[0])

    async def _new_events(self) -> list[dict[str, Any]]:
        """Newest first until one that was heard of; `account` as the gateway tells it."""
        found: list[dict[str, Any]] = []
        query = {"limit": "100"}
        while True:
            async with self.shop.stripe.get(
                "/v1/events", params=query, headers=self.headers
            ) as answer:
                listed = (await answer.json())["data"]
            for event in listed:
                if event["id"] in self.heard:
                    return found
                is_connected = self.mode is GatewayMode.CONNECT
                found.append({**event, "account": self.account_id} if is_connected else event)
            if len(listed) < 100:
                return found
            query = {"limit": "100", "starting_after": listed[-1]["id"]}

    async def _endpoint(self, platform_id: str) -> str:
        if self.mode is GatewayMode.PLATFORM:
            return platform_id
        found = await self.shop.rows(
            "select id from tenant_payment_gateways where tenant_id = :tenant and is_enabled",
            tenant=self.shop.tenant.id,
        )
        return str(found[0][0])

    async def booked(self, currency: str) -> int:
        """What clearing comes to in the currency; on a connected account, of that account alone."""
        (found,) = await self.shop.rows(
            "select coalesce(sum(e.amount_cents), 0) from ledger_entries e"
            " join tenant_payment_gateways g on g.id = e.gateway_id"
            " where e.tenant_id = :tenant and e.account = 'gateway_clearing'"
            " and e.currency = :currency and (g.tenant_id is not null or :all)",
            tenant=self.shop.tenant.id,
            currency=currency,
            all=self.mode is GatewayMode.PLATFORM,
        )
        return int(found[0])

    async def faults(self) -> Sequence[str]:
        """What does not agree: payments with their books, clearing with what the gateway has."""
        found = await wrong_books(self.shop.engine)
        ledger = await self.shop.control.ledger(self.account_id)
        held = int(ledger["balance"].get("usd", 0))
        booked = await self.booked("USD")
        if booked != held:
            found.append(f"{self.mode}: clearing is {booked}, the gateway has {held}")
        if self.currency != "USD" and (left := await self.booked(self.currency)):
            found.append(f"{self.mode}: {left} {self.currency} of clearing were never converted")
        if self.mode is GatewayMode.CONNECT and (kept := await self.kept_fees()):
            found.append(f"{self.mode}: of {kept} payments a part of the fee was not returned")
        return found


async def start(shop: Shop, total: int, currency: str) -> StartPayment:
    """The command that pays a fresh order in this currency."""
    order = CreateOrder(
        reference=secrets.token_hex(8),
        total=total,
        currency=currency,
        idempotency_key=secrets.token_hex(8),
        metadata={},
    )
    opened = (await shop.orders.create(USER, shop.tenant.id, order)).order
    return replace(await shop.start_command(), order_id=opened.id)
