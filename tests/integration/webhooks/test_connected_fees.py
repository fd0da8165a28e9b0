"""The platform's fee on connected accounts, from the price to the books, through the sandbox."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any

import pytest

from domain.commands import CapturePayment
from domain.ledger import totals
from domain.payment import ApplicationFee, Payment
from tests.e2e.sandbox.control import eventually
from tests.integration.domain.gateways import Desk, connect
from tests.integration.webhooks.shop import USER, Shop


@dataclass(frozen=True, slots=True)
class Connected:
    """A shop that is paid through a connected account."""

    shop: Shop
    account_id: str

    @classmethod
    async def of(cls, shop: Shop, basis_points: int, fixed: int = 0) -> Connected:
        """At this price, in basis points and cents."""
        desk = Desk.of(shop)
        account_id = await desk.connected(shop.tenant.id)
        await desk.configure(connect(account_id))
        await shop.write(
            "update platform_fee_tiers set basis_points = :basis_points,"
            " fixed_fees = jsonb_build_object('USD', cast(:fixed as int)) where is_default",
            basis_points=basis_points,
            fixed=fixed,
        )
        return cls(shop, account_id)

    async def events(self, type_: str) -> list[dict[str, Any]]:
        """The account's events of the type."""
        headers = {"Stripe-Account": self.account_id}
        query = {"limit": "100", "type": type_}
        async with self.shop.stripe.get("/v1/events", params=query, headers=headers) as answer:
            return [dict(event) for event in (await answer.json())["data"]]

    async def hear(self, event: dict[str, Any]) -> None:
        """The event, delivered to the platform's endpoint for connected accounts and worked off."""
        endpoints = self.shop.endpoints
        gateway_id = await endpoints.connected_gateway_id(self.account_id, livemode=False)
        assert gateway_id is not None
        delivery = replace(await self.shop.delivery(event), gateway_id=gateway_id)
        assert await self.shop.receiving.receive([delivery]) == [None]
        await self.shop.work_off()

    async def settled(self, payment: Payment) -> Payment:
        """The payment once its settlement, which comes a moment later, was heard of."""
        (event,) = await eventually(lambda: self.events("charge.updated"), bool)
        await self.hear({**event, "account": self.account_id})
        now = await self.shop.now_of(payment)
        assert now.gateway_fee_is_final
        return now

    async def captured(self, payment: Payment, amount: int) -> Payment:
        """The payment, captured in part, which settles it at once."""
        command = CapturePayment(
            payment_id=payment.id, idempotency_key=secrets.token_hex(8), amount=amount
        )
        done = await self.shop.payments.capture(USER, self.shop.tenant.id, command)
        assert done.payment.gateway_fee_is_final
        return done.payment

    async def due(self, payment: Payment) -> dict[str, int]:
        """What of the payment's fee is booked: earned, owed, and where the money is."""
        async with self.shop.database.begin(self.shop.tenant.id) as work:
            found = await work.ledger.of_payment(self.shop.tenant.id, payment.id)
        postings = [posting for booked in found for posting in booked.postings]
        sums = {account.value: amount for account, amount in totals(postings, "USD").items()}
        places: dict[str | None, int] = {}
        for posting in postings:
            if posting.gateway_id is not None:
                at = "account" if posting.gateway_id == payment.gateway_id else "platform"
                places[at] = places.get(at, 0) + posting.amount
        return {
            "earned": -sums.get("platform_fee_revenue", 0),
            "owed": sums.get("platform_fee_receivable", 0),
            "platform": places.get("platform", 0),
            "account": places.get("account", 0),
        }

    async def balance(self) -> int:
        """What the sandbox's ledger has at the account in dollars."""
        ledger = await self.shop.control.ledger(self.account_id)
        return int(ledger["balance"]["usd"])


async def test_a_charge(shop: Shop) -> None:
    """3.00 % of 100.00 is taken by the gateway and stands in the platform's account: nothing is
    due, and both accounts hold what the gateway's own ledger says."""
    connected = await Connected.of(shop, 300)
    payment = await connected.settled(await shop.charge())

    assert payment.settlement is not None
    taken = payment.settlement.application_fee
    assert taken is not None
    assert replace(taken, id="fee_1") == ApplicationFee("fee_1", 300, 300)
    balance = await connected.balance()
    assert await connected.due(payment) == {
        "earned": 300,
        "owed": 0,
        "platform": 300,
        "account": balance,
    }
    assert balance == payment.net == 9_380
    both = await shop.control.ledger()
    assert both["balance"]["usd"] - balance == 300


async def test_no_fee(shop: Shop) -> None:
    """0 basis points: none is asked for, none is taken, none is due."""
    connected = await Connected.of(shop, 0)
    payment = await connected.settled(await shop.charge())

    assert payment.settlement is not None
    assert payment.settlement.application_fee is None
    assert await connected.due(payment) == {
        "earned": 0,
        "owed": 0,
        "platform": 0,
        "account": await connected.balance(),
    }


@pytest.mark.parametrize(
    ("basis_points", "fixed", "captured", "fee"), [(0, 500, 200, 199), (300, 0, 6_000, 180)]
)
async def test_a_fee_recomputed_at_the_capture(
    shop: Shop, basis_points: int, fixed: int, captured: int, fee: int
) -> None:
    """A fixed 5.00 of which 2.00 is captured leaves a cent; a proportional one is that of the part.
    The capture told the gateway, which took just that."""
    connected = await Connected.of(shop, basis_points, fixed)
    payment = await connected.captured(await shop.authorize(), captured)

    assert payment.platform_fee == fee
    assert await connected.due(payment) == {
        "earned": fee,
        "owed": 0,
        "platform": fee,
        "account": await connected.balance(),
    }


async def test_a_fee_that_becomes_nothing_at_the_capture(shop: Shop) -> None:
    """3.00 % of 0.16 is nothing. A fee of 0 cannot be asked for, so the gateway keeps the one of
    the authorization, capped: it is booked as taken too much, and stands to be returned."""
    connected = await Connected.of(shop, 300)
    payment = await connected.captured(await shop.authorize(), 16)

    assert payment.platform_fee == 0
    due = await connected.due(payment)
    assert due["earned"] == 0
    assert due["platform"] == -due["owed"] == 16
