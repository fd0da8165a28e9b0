"""Random walks over everything a payment can meet, judged by the gateway's own ledger."""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import aiohttp
import pytest

from domain.commands import (
    PaymentDone,
    RefundDone,
)
from domain.errors import DomainError, OutcomeUnknown, PaymentDeclined
from domain.order import Order, derive_status
from domain.payment import Payment, PaymentStatus
from domain.refund import Refund
from tests.e2e.sandbox.control import Control
from tests.integration.domain.auditing import untold
from tests.integration.domain.calls import cancel, capture, refund
from tests.integration.domain.test_settling import open_operations
from tests.integration.webhooks.shop import USER, Shop

CARDS = [
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_visa_chargeDeclined",
    "pm_card_authenticationRequired",
    "pm_card_pendingRefund",
    "pm_card_refundFail",
    "pm_card_sandbox_processing",
    "pm_nobody_knows_this_one",
]
FAULTS = ["drop_before", "drop_after", "error_after", "garbled", "rate_limit", "unavailable"]
UNKNOWN = "unknown"
Call = Callable[[], Awaitable[PaymentDone | RefundDone]]


async def answer_of(call: Call) -> str:
    """The subject's id, after `declined` when the card was; else why there is none."""
    try:
        done = await call()
    except PaymentDeclined as declined:
        return f"declined {declined.payment.id}"
    except OutcomeUnknown:
        return UNKNOWN
    except DomainError as refused:
        return f"refused {refused.detail_code}"
    return done.refund.id if isinstance(done, RefundDone) else done.payment.id


@dataclass
class Walk:
    """One tenant's callers, payers, gateway and worker, each doing whatever comes to mind."""

    shop: Shop
    chance: random.Random
    orders: list[Order] = field(default_factory=list)
    calls: list[tuple[Call, str | None]] = field(default_factory=list)
    """Each call made, and the id of the payment or refund that it was first answered with."""

    async def step(self) -> None:
        """Up to three things at once."""
        things = [
            self.start, self.start, self.change, self.change, self.change, self.again,
            self.payer, self.dashboard, self.fault, self.hear, self.hear, self.pass_time,
        ]  # fmt: skip
        chosen = self.chance.choices(things, k=self.chance.randint(1, 3))
        await asyncio.gather(*(thing() for thing in chosen))

    async def start(self) -> None:
        """A charge or an authorization of an order, mostly one of those that are there."""
        if not self.orders or self.chance.random() < 0.3:
            self.orders.append(await self.shop.order(self.chance.randint(100, 20_000)))
        command = replace(
            await self.shop.start_command(self.chance.choice(CARDS)),
            order_id=self.chance.choice(self.orders).id,
        )
        service, tenant_id = self.shop.payments, self.shop.tenant.id
        does = self.chance.choice([service.charge, service.authorize])
        await self.call(lambda: does(USER, tenant_id, command))

    async def change(self) -> None:
        """A capture, a cancel or a refund of some payment, of a part or of all of it."""
        payments = await self.payments()
        if not payments:
            return
        payment = self.chance.choice(payments)
        part = self.chance.choice([None, self.chance.randint(1, payment.total)])
        service, tenant_id = self.shop.payments, self.shop.tenant.id
        capturing, canceling = capture(payment, part), cancel(payment)
        returning = refund(payment, part)
        does: list[Call] = [
            lambda: service.capture(USER, tenant_id, capturing),
            lambda: service.cancel(USER, tenant_id, canceling),
            lambda: service.refund(USER, tenant_id, returning),
        ]
        (chosen,) = self.chance.choices(does, [2, 1, 3])
        await self.call(chosen)

    async def again(self) -> None:
        """The same call with the same key."""
        if self.calls:
            call, first = self.calls.pop(self.chance.randrange(len(self.calls)))
            await self.call(call, first)

    async def call(self, call: Call, first: str | None = None) -> None:
        """Makes the call and notes what it was answered with; a repeat must say the same."""
        answer = await answer_of(call)
        assert first in (None, UNKNOWN, answer) or answer == UNKNOWN, f"{first}, now {answer}"
        self.calls.append((call, None if answer.startswith("refused") else answer))

    async def payer(self) -> None:
        """The payer finishes 3-D Secure, the bank ends a payment in processing."""
        for payment in await self.payments():
            outcome = {"outcome": self.chance.choice(["succeed", "fail"])}
            if payment.status is PaymentStatus.REQUIRES_ACTION:
                await self.order(
                    f"payment_intents/{payment.gateway_payment_id}/authenticate", outcome
                )
            if payment.status is PaymentStatus.PROCESSING:
                await self.order(f"payment_intents/{payment.gateway_payment_id}/process", outcome)

    async def dashboard(self) -> None:
        """Somebody at the gateway refunds a part, or a refund fails, or an authorization ends."""
        payments = await self.payments()
        if not payments:
            return
        payment = self.chance.choice(payments)
        for returned in await self.shop.refunds_of(payment):
            status = self.chance.choice(["succeeded", "failed", "failed"])
            await self.order(f"refunds/{returned.gateway_refund_id}", {"status": status})
        amount = str(self.chance.randint(1, payment.total))
        form = {"payment_intent": str(payment.gateway_payment_id), "amount": amount}
        with contextlib.suppress(aiohttp.ClientError):  # a fault may meet it too
            async with self.shop.stripe.post("/v1/refunds", data=form):
                pass
        if self.chance.random() < 0.1:
            await self.order(f"payment_intents/{payment.gateway_payment_id}/expire", {})

    async def order(self, path: str, body: dict[str, str]) -> None:
        """A control order, which the sandbox may refuse when its state has moved on."""
        async with self.shop.stripe.post(f"/_sandbox/{path}", json=body):
            pass

    async def fault(self) -> None:
        """The next request that moves money meets a fault."""
        await self.shop.control.order_fault(
            self.chance.choice(FAULTS), method="POST", path="/v1/.*"
        )

    async def hear(self) -> None:
        """Some of the gateway's latest events, in any order, some not for the first time."""
        events = (await self.shop.gateway_events())[-12:]
        for event in self.chance.sample(events, min(4, len(events))):
            await self.shop.process(event, id=f"evt_{secrets.token_hex(8)}")

    async def pass_time(self) -> None:
        """Time passes, and two settlers look at what is due."""
        await self.advance(self.chance.choice([6, 31, 200]))
        await asyncio.gather(self.shop.settler.settle_due(), self.shop.settler.settle_due())

    async def advance(self, seconds: float) -> None:
        """Moves our clock and the gateway's, which go alike."""
        self.shop.clock.advance(seconds)
        await self.shop.control.advance(seconds)

    async def heal(self) -> None:
        """No faults any more; the settler and the inbox get all the time that they need."""
        await self.shop.control.clear_faults()
        for seconds in (31, 300, 601, 301, 301, 901, 301, 3_601):
            await self.advance(seconds)
            while await self.shop.settler.settle_due():
                pass
            await self.shop.work_off()
        for event in await self.shop.gateway_events():
            await self.shop.process(event, id=f"evt_{secrets.token_hex(8)}")
        await self.shop.settler.settle_due()

    async def payments(self) -> list[Payment]:
        """Every payment of every order."""
        found: list[Payment] = []
        async with self.shop.database.begin(self.shop.tenant.id) as work:
            for order in self.orders:
                found += await work.payments.of_order(self.shop.tenant.id, order.id)
        return found

    async def check_orders(self) -> None:
        """What an order says of itself is what its payments say."""
        async with self.shop.database.begin(self.shop.tenant.id) as work:
            for order in self.orders:
                now = await work.orders.lock(self.shop.tenant.id, order.id)
                payments = await work.payments.of_order(self.shop.tenant.id, order.id)
                held = sum(payment.total for payment in payments if payment.is_live)
                assert now.remaining == max(0, now.total - now.captured - held)
                assert now.status is derive_status(now, payments)
                assert now.captured == sum(payment.captured for payment in payments) <= now.total
                assert sum(payment.is_live for payment in payments) <= 1


def check_refunds(payment: Payment, refunds: list[Refund]) -> None:
    """The payment's sums are its refunds', and the fee goes back as far as the money does."""
    assert 0 <= payment.platform_fee_refunded <= payment.platform_fee
    parts = sum(returned.platform_fee_refunded for returned in refunds)
    assert parts == payment.platform_fee_refunded
    if payment.captured and payment.refunded == payment.captured:
        assert parts == payment.platform_fee


@pytest.mark.parametrize("seed", range(8))
async def test_a_walk_ends_where_the_gateway_does(shop: Shop, control: Control, seed: int) -> None:
    """Calls, repeats, faults, events, payers and the dashboard in any order, several at once: when
    all is quiet every sum is the gateway's, every order is free or paid, and nothing is open."""
    walk = Walk(shop, random.Random(seed))  # noqa: S311 - a walk that can be walked again
    for _ in range(45):
        await walk.step()
        await walk.check_orders()

    await walk.heal()

    await walk.check_orders()
    ledger = await control.ledger()
    taken, returned = dict[str, int](), dict[str, int]()
    for charge in ledger["charges"]:
        intent_id = charge["payment_intent"]
        taken[intent_id] = taken.get(intent_id, 0) + charge["amount_captured"]
    for back in ledger["refunds"]:
        if back["status"] not in {"failed", "canceled"}:
            intent_id = back["payment_intent"]
            returned[intent_id] = returned.get(intent_id, 0) + back["amount"]
    payments = {str(payment.gateway_payment_id): payment for payment in await walk.payments()}
    for intent_id, amount in taken.items():
        assert payments[intent_id].captured == amount
    for payment in payments.values():
        check_refunds(payment, list(await shop.refunds_of(payment)))
        assert payment.status is not PaymentStatus.PENDING
        assert payment.status is not PaymentStatus.FAILED or not payment.is_live
        if payment.captured:
            back = returned.get(str(payment.gateway_payment_id), 0)
            assert payment.refunded + payment.refund_pending == back
    assert await open_operations(shop) == 0
    assert await untold(shop) == []
    assert await shop.alerts() == []
