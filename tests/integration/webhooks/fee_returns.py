"""Fees of connected accounts that go back: what tests of it share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from domain.payment import Payment
from tests.integration.domain.calls import refund
from tests.integration.webhooks.shop import USER, Shop
from tests.integration.webhooks.test_connected_fees import Connected

PATH = "/v1/application_fees/.*/refunds"
"""Where fee refunds are made."""


async def paid(shop: Shop, basis_points: int = 300) -> tuple[Connected, Payment]:
    """A payment of 100.00 through a connected account, captured and settled."""
    connected = await Connected.of(shop, basis_points)
    return connected, await connected.captured(await shop.authorize(), 10_000)


async def give_back(shop: Shop, payment: Payment, amount: int | None = None) -> str:
    """Refunds so much, or all; the refund's id at the gateway."""
    done = await shop.payments.refund(USER, shop.tenant.id, refund(payment, amount))
    return str(done.refund.gateway_refund_id)


async def returned(shop: Shop) -> list[int]:
    """What the gateway's own books have of fee refunds, oldest first."""
    async with shop.stripe.get(
        "/v1/balance_transactions", params={"type": "application_fee_refund", "limit": "100"}
    ) as answer:
        return [-int(each["amount"]) for each in reversed((await answer.json())["data"])]


async def operations(shop: Shop, payment: Payment) -> list[tuple[Any, ...]]:
    """The payment's fee refunds as they stand: state and amount, oldest first."""
    return await shop.rows(
        "select state, amount_cents from gateway_operations where payment_id = :id"
        " and kind = 'fee_refund' order by id",
        id=payment.id,
    )


async def settle(shop: Shop, *, after: timedelta = timedelta()) -> None:
    """Lets the worker look at all that is due by then, until nothing is."""
    shop.clock.advance(after.total_seconds())
    while await shop.settler.settle_due():
        pass


async def agrees(connected: Connected, payment: Payment) -> bool:
    """Whether the account's clearing is what the gateway has of it."""
    due = await connected.due(payment)
    return due["account"] == await connected.balance()
