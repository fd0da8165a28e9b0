"""Random histories of one payment: refunds and disputes from both sides, heard of in any order.

The payer's bank, the dashboard and Tollgate's own API act on a charge in turns that chance draws,
while chance also says which events arrive, when, how often, and which only at the end. Then what
Tollgate knows is compared with the gateway's own ledger, and no event may have died.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import aiohttp

from domain.commands import CapturePayment, CreateOrder, StartPayment
from domain.errors import DomainError
from domain.payment import DisputeState, Payment
from tests.integration.webhooks.disputed import Disputed
from tests.integration.webhooks.shop import USER, Shop, try_event

STEPS_MAX = 14
CARDS = ("pm_card_visa", "pm_card_visa", "pm_card_pendingRefund", "pm_card_refundFail")
CURRENCIES = ("USD", "USD", "EUR", "JPY", "GBP")
DISPUTE_MOVES = (
    *("warning_under_review", "warning_closed", "needs_response", "under_review"),
    *("won", "won", "lost", "lost", "prevented"),
)
REFUND_MOVES = ("succeeded", "failed", "failed", "canceled", "requires_action", "pending")
FIRST = ("needs_response", "needs_response", "warning_needs_response", "lost", "prevented")
OPEN = frozenset({"needs_response", "under_review"})
SETTLED = frozenset({"charge.updated", "charge.captured"})
REST_SECONDS = 7 * 3600.0


@dataclass
class History:
    """One payment, what was done to it, and which of its events were heard of."""

    shop: Shop
    chance: random.Random
    disputed: Disputed
    charge_id: str
    done: list[str] = field(default_factory=list)
    heard: set[str] = field(default_factory=set)
    ours: list[str] = field(default_factory=list)

    @classmethod
    async def begun(cls, shop: Shop, chance: random.Random) -> History:
        """A fresh charge, or a capture of a part, of which only the answers are known."""
        shop.clock.ahead = timedelta()
        order = CreateOrder(
            reference=secrets.token_hex(8),
            total=chance.choice((10_000, 9_999, 101, 777)),
            currency=chance.choice(CURRENCIES),
            idempotency_key=secrets.token_hex(8),
            metadata={},
        )
        made = (await shop.orders.create(USER, shop.tenant.id, order)).order
        command = await shop.start_command(chance.choice(CARDS))
        command = replace(command, order_id=made.id)
        if chance.random() < 0.4:
            payment = await _captured(shop, command, chance)
        else:
            payment = (await shop.payments.charge(USER, shop.tenant.id, command)).payment
        history = cls(shop, chance, Disputed(shop, payment), str(payment.gateway_charge_id))
        history.done.append(f"charge {payment.captured} of {order.total} {order.currency}")
        return history

    async def act(self) -> None:
        """One step, or none where the gateway refuses it."""
        chance = self.chance
        step = chance.choices(
            (self._open, self._decide, self._dashboard_refund, self._api_refund, self._move_refund),
            (3, 5, 2, 3, 3),
        )[0]
        try:
            await step()
        except (AssertionError, DomainError) as refused:
            self.done.append(f"  refused: {str(refused)[:90]}")
        if chance.random() < 0.6:
            await self.hear(chance.random())

    async def _open(self) -> None:
        details: dict[str, Any] = {"status": self.chance.choice(FIRST)}
        if self.chance.random() < 0.6:
            details["amount"] = self.chance.randint(1, self.disputed.payment.total)
        self.done.append(f"open {details}")
        await self.disputed.open(**details)

    async def _decide(self) -> None:
        disputes = await self.disputes()
        if disputes:
            dispute, status = self.chance.choice(disputes), self.chance.choice(DISPUTE_MOVES)
            self.done.append(f"decide {dispute['id']} {dispute['status']} -> {status}")
            return_fee = self.chance.random() < 0.3
            await self.shop.control.decide(dispute["id"], status, return_fee=return_fee)

    async def _dashboard_refund(self) -> None:
        amount = self.chance.randint(1, self.disputed.payment.total)
        self.done.append(f"dashboard refund {amount}")
        await self.shop.call_stripe("refunds", charge=self.charge_id, amount=str(amount))

    async def _api_refund(self) -> None:
        whole = self.chance.random() < 0.3
        amount = None if whole else self.chance.randint(1, self.disputed.payment.total)
        self.done.append(f"api refund {amount}")
        await self.disputed.refund(amount)

    async def _move_refund(self) -> None:
        refunds = await self.refunds()
        if refunds:
            refund, status = self.chance.choice(refunds), self.chance.choice(REFUND_MOVES)
            self.done.append(f"refund {refund['id']} {refund['status']} -> {status}")
            await self.shop.control.settle_refund(refund["id"], status)

    async def _list(self, path: str, **params: str) -> list[dict[str, Any]]:
        async with self.shop.stripe.get(f"/v1/{path}", params={"limit": "100", **params}) as answer:
            return list((await answer.json())["data"])

    async def disputes(self) -> list[dict[str, Any]]:
        """The charge's disputes, as the gateway has them."""
        return await self._list("disputes", charge=self.charge_id)

    async def refunds(self) -> list[dict[str, Any]]:
        """The charge's refunds, as the gateway has them."""
        return await self._list("refunds", charge=self.charge_id)

    async def events(self) -> list[dict[str, Any]]:
        """What the gateway has to tell of the payment, oldest first."""
        intent = self.disputed.payment.gateway_payment_id
        return [
            event
            for event in reversed(await self._list("events"))
            if intent
            in (event["data"]["object"]["id"], event["data"]["object"].get("payment_intent"))
        ]

    async def hear(self, share: float, *, again: float = 0.2) -> None:
        """A share of what is not heard of yet, in any order, some of it twice, side by side."""
        chance = self.chance
        coming = [
            event
            for event in await self.events()
            if chance.random() < (share if event["id"] not in self.heard else again * share)
        ]
        chance.shuffle(coming)
        stored = []
        for event in coming:
            is_copy = event["id"] in self.heard
            self.heard.add(event["id"])
            changes = {"id": f"{event['id']}x{secrets.token_hex(3)}"} if is_copy else {}
            stored.append((await self.shop.receive(event, **changes)).id)
        self.ours += stored
        await asyncio.gather(*(try_event(self.shop.events, each) for each in stored))

    async def come_to_rest(self) -> None:
        """All that is left to hear of is heard of, and tried until it has an end."""
        await self.settle()
        for _ in range(3):
            await self.hear(1.0, again=0.0)
        for _ in range(8):
            waiting = await self.waiting()
            if not waiting:
                return
            self.shop.clock.advance(REST_SECONDS)
            for each in waiting:
                await try_event(self.shop.events, each)
        raise AssertionError(f"{len(waiting)} events come to no end")

    async def settle(self) -> None:
        """The settlement, which comes a moment after the charge, and what a card does by itself."""
        for _ in range(100):
            if any(event["type"] in SETTLED for event in await self.events()):
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.3)

    async def waiting(self) -> list[str]:
        """The inbox's ids of what has no end yet."""
        found = await self.shop.rows(
            "select id from webhook_events where id = any (:ids)"
            " and status in ('RECEIVED', 'PROCESSING', 'RETRY')",
            ids=self.ours,
        )
        return [each for (each,) in found]

    async def faults(self) -> list[str]:
        """How what Tollgate knows differs from what the gateway has."""
        dead = await self.shop.rows(
            "select event_type, status, error_message from webhook_events"
            " where id = any (:ids) and status not in ('PROCESSED', 'IGNORED')",
            ids=self.ours,
        )
        payment = await self.disputed.now()
        expected = _expected(payment, await self.refunds(), await self.disputes())
        known = {name: getattr(payment, name) for name in expected}
        faults = [f"{row}" for row in dead]
        faults += [
            f"{name}: {known[name]!r}, not {expected[name]!r}"
            for name in expected
            if known[name] != expected[name]
        ]
        return faults + await self._order_faults(payment)

    async def _order_faults(self, payment: Payment) -> list[str]:
        async with self.shop.database.begin(payment.tenant_id) as work:
            order = await work.orders.find(payment.tenant_id, payment.order_id)
        assert order is not None
        is_disputed = payment.dispute_status is DisputeState.OPEN
        known = (order.captured, order.refunded, order.is_disputed, order.remaining)
        left = payment.total - payment.captured
        wanted = (payment.captured, payment.refunded, is_disputed, left)
        return [] if known == wanted else [f"order: {known}, not {wanted}"]


async def _captured(shop: Shop, command: StartPayment, chance: random.Random) -> Payment:
    held = (await shop.payments.authorize(USER, shop.tenant.id, command)).payment
    amount = chance.choice((None, chance.randint(held.total // 2, held.total)))
    capture = CapturePayment(
        payment_id=held.id, idempotency_key=secrets.token_hex(8), amount=amount
    )
    return (await shop.payments.capture(USER, shop.tenant.id, capture)).payment


def _expected(
    payment: Payment, refunds: Sequence[Mapping[str, Any]], disputes: Sequence[Mapping[str, Any]]
) -> dict[str, object]:
    """What Tollgate must know, by the gateway's own objects."""
    statuses = {dispute["status"] for dispute in disputes}
    state = DisputeState.NONE
    if statuses & OPEN:
        state = DisputeState.OPEN
    elif "lost" in statuses:
        state = DisputeState.LOST
    elif "won" in statuses:
        state = DisputeState.WON
    # What was let go of an authorization is no refund.
    refunds = [each for each in refunds if each["balance_transaction"] is not None]
    expected: dict[str, object] = {
        "refunded": sum(each["amount"] for each in refunds if each["status"] == "succeeded"),
        "refund_pending": sum(
            each["amount"] for each in refunds if each["status"] in ("pending", "requires_action")
        ),
        "dispute_status": state,
        "refunds_blocked": bool(statuses & OPEN),
        "gateway_fee_is_final": True,
    }
    if payment.currency == "USD":
        expected["dispute_fee"] = sum(
            max(0, sum(each["fee"] for each in dispute["balance_transactions"]))
            for dispute in disputes
        )
        expected["dispute_lost"] = sum(
            -sum(each["amount"] for each in dispute["balance_transactions"])
            for dispute in disputes
            if dispute["status"] == "lost"
        )
    return expected


async def tell(shop: Shop, seed: int) -> list[str]:
    """One history; its faults, with all that was done before them."""
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    history = await History.begun(shop, chance)
    try:
        for _ in range(chance.randint(3, STEPS_MAX)):
            await history.act()
        await history.come_to_rest()
        faults = await history.faults()
    except (AssertionError, aiohttp.ClientError) as fault:
        faults = [repr(fault)]
    if not faults:
        return []
    return [
        f"seed {seed}:",
        *(f"    {line}" for line in history.done),
        *(f"  FAULT {fault}" for fault in faults),
    ]
