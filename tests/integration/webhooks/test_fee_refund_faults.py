"""Application fees that go back while the gateway, the worker or the dashboard gets in the way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.answers import Answer
from domain.operation import OperationState
from domain.operations import OperationRunner
from domain.recording import SETTLER
from tests.integration.domain.gateways import Desk
from tests.integration.webhooks.fee_returns import (
    PATH,
    agrees,
    give_back,
    operations,
    paid,
    returned,
    settle,
)
from tests.integration.webhooks.shop import Shop


@pytest.mark.parametrize("kind", ["drop_after", "error_after", "garbled", "html"])
async def test_an_answer_that_is_lost(shop: Shop, kind: str) -> None:
    """It took effect: it is found at the gateway by the operation's id, and not sent twice."""
    connected, payment = await paid(shop)
    await give_back(shop, payment)
    await shop.control.order_fault(kind, method="POST", path=PATH)
    await settle(shop)
    assert await operations(shop, payment) == [("UNKNOWN", 300)]

    await settle(shop, after=timedelta(minutes=1))

    assert await operations(shop, payment) == [("SUCCEEDED", 300)]
    assert await returned(shop) == [300]
    assert (await connected.due(payment))["owed"] == 0


@pytest.mark.parametrize("kind", ["drop_before", "error_before", "rate_limit", "unavailable"])
async def test_a_gateway_that_was_not_reached(shop: Shop, kind: str) -> None:
    """It is sent again, under the same key, until it gets there; it waits for no caller."""
    connected, payment = await paid(shop)
    await give_back(shop, payment)
    await shop.control.order_fault(kind, method="POST", path=PATH, times=2)
    for _ in range(4):
        await settle(shop, after=timedelta(minutes=1))

    assert await operations(shop, payment) == [("SUCCEEDED", 300)]
    assert await returned(shop) == [300]
    assert (await connected.due(payment))["owed"] == 0


async def test_one_that_a_dead_worker_left_and_the_gateway_then_refuses_to_take(
    shop: Shop,
) -> None:
    """It may have reached the gateway, so that being turned away once does not make it unsent."""
    connected, payment = await paid(shop)
    await give_back(shop, payment)
    await shop.write(
        "update gateway_operations set state = 'SENDING', attempts = 1, first_sent_at = :then,"
        " last_sent_at = :then where kind = 'fee_refund'",
        then=shop.clock.now() - timedelta(minutes=1),
    )
    await shop.control.order_fault("rate_limit", method="POST", path=PATH)
    await settle(shop)
    assert await operations(shop, payment) == [("UNKNOWN", 300)]

    await settle(shop, after=timedelta(minutes=1))
    assert await operations(shop, payment) == [("SUCCEEDED", 300)]
    assert await returned(shop) == [300]
    assert (await connected.due(payment))["owed"] == 0


@pytest.mark.parametrize("kind", ["rate_limit", "error_before", "unavailable"])
async def test_what_reached_the_account_cannot_be_read(shop: Shop, kind: str) -> None:
    """The fee went back by then, so that it does not count as never sent: another refund in
    between adds its own part, and returns nothing twice."""
    connected, payment = await paid(shop)
    await give_back(shop, payment, 2_000)
    await shop.control.order_fault(kind, method="GET", path="/v1/balance_transactions")
    await settle(shop)
    assert await operations(shop, payment) == [("UNKNOWN", 60)]

    await give_back(shop, await shop.now_of(payment), 3_000)
    await settle(shop, after=timedelta(minutes=1))

    assert await operations(shop, payment) == [("SUCCEEDED", 60), ("SUCCEEDED", 90)]
    assert await returned(shop) == [60, 90]
    assert (await connected.due(payment))["owed"] == 0
    assert await agrees(connected, payment)


@pytest.mark.parametrize("by_hand", [300, 100])
async def test_a_fee_that_was_returned_at_the_dashboard(shop: Shop, by_hand: int) -> None:
    """The gateway refuses to return more than is left: what was returned by hand is booked, and
    the rest goes back."""
    connected, payment = await paid(shop)
    assert payment.settlement is not None
    assert payment.settlement.application_fee is not None
    fee_id = payment.settlement.application_fee.id
    await shop.call_stripe(f"application_fees/{fee_id}/refunds", amount=str(by_hand))
    await give_back(shop, payment)
    await settle(shop)
    await settle(shop)

    assert sum(await returned(shop)) == 300
    due = await connected.due(payment)
    assert (due["earned"], due["owed"], due["platform"]) == (0, 0, 0)
    assert await agrees(connected, payment)
    assert await shop.alerts() == []


async def test_an_account_that_left_the_platform(shop: Shop) -> None:
    """Its part of the fee goes back all the same; what reached it is its own to see, so that its
    share of what was taken is booked."""
    connected, payment = await paid(shop)
    await give_back(shop, payment, 5_000)
    await Desk.of(shop).order(connected.account_id, deauthorized=True)
    await settle(shop)

    assert await operations(shop, payment) == [("SUCCEEDED", 150)]
    assert await returned(shop) == [150]
    assert (await connected.due(payment))["owed"] == 0
    assert await agrees(connected, payment)


async def test_a_refusal_that_nothing_explains(shop: Shop) -> None:
    """It is left to people, with one alert, and stays in the books as to be returned; the next
    refund tries again."""
    connected, payment = await paid(shop)
    await give_back(shop, payment, 5_000)
    runner = OperationRunner(shop.worker_database, shop.gateway, shop.wake, shop.clock)
    async with shop.worker_database.begin(shop.tenant.id) as work:
        (planned,) = await work.operations.open_of_payment(shop.tenant.id, payment.id)
    no = Answer(state=OperationState.REJECTED, code="account_invalid", message="access revoked")
    await runner.record(planned, no, SETTLER)

    assert await operations(shop, payment) == [("REJECTED", 150)]
    assert await shop.alerts() == [("fee_refund.refused", "HIGH", payment.id)]
    assert (await connected.due(payment))["owed"] == -150

    await give_back(shop, await shop.now_of(payment))
    await settle(shop)
    assert await returned(shop) == [300]


async def test_a_refusal_that_cannot_be_looked_into(shop: Shop) -> None:
    """Where the gateway does not show the fee at all, the outcome stays unknown."""
    connected, payment = await paid(shop)
    await give_back(shop, payment)
    await shop.write(
        "update payments set gateway_application_fee_id = 'fee_unknown' where id = :id",
        id=payment.id,
    )
    await settle(shop)
    assert await operations(shop, payment) == [("UNKNOWN", 300)]
    assert (await connected.due(payment))["owed"] == -300
