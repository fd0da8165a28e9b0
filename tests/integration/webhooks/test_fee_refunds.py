"""Application fees returned to connected accounts, through the sandbox."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import pytest

from domain.answers import Answer
from domain.commands import CapturePayment
from domain.operation import OperationState
from domain.operations import OperationRunner
from domain.payment import Payment
from domain.settling import SETTLER
from tests.integration.domain.calls import refund
from tests.integration.webhooks.shop import USER, Shop
from tests.integration.webhooks.test_connected_fees import Connected

_PATH = "/v1/application_fees/.*/refunds"


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


async def test_a_refund_returns_its_part_by_an_operation_of_its_own(shop: Shop) -> None:
    """The answer to the refund does not wait for it; the worker sends it by the platform's key."""
    connected, payment = await paid(shop)
    await give_back(shop, payment, 5_000)
    assert await operations(shop, payment) == [("CREATED", 150)]
    assert await returned(shop) == []

    await settle(shop)
    await settle(shop, after=timedelta(hours=2))

    assert await operations(shop, payment) == [("SUCCEEDED", 150)]
    assert await returned(shop) == [150]
    due = await connected.due(payment)
    assert (due["earned"], due["owed"], due["platform"]) == (150, 0, 150)
    assert await agrees(connected, payment)
    assert (await shop.now_of(payment)).application_fee_refunded == 150


async def test_parts_come_to_the_whole_fee(shop: Shop) -> None:
    """Three refunds of a fee of 3.00 return 1.00 each, and nothing is left to return."""
    connected, payment = await paid(shop)
    for amount in (3_333, 3_333, None):
        await give_back(shop, payment, amount)
        await settle(shop)

    assert await returned(shop) == [100, 100, 100]
    due = await connected.due(payment)
    assert (due["earned"], due["owed"], due["platform"]) == (0, 0, 0)
    assert await agrees(connected, payment)


async def test_refunds_before_the_first_was_sent_are_returned_by_what_is_due(shop: Shop) -> None:
    """An operation whose amount is no longer what is due is dropped unsent, and another made."""
    connected, payment = await paid(shop)
    await give_back(shop, payment, 2_000)
    await give_back(shop, payment, 3_000)
    await settle(shop)

    assert await operations(shop, payment) == [("REJECTED", 60), ("SUCCEEDED", 150)]
    assert await returned(shop) == [150]
    assert (await connected.due(payment))["owed"] == 0


async def test_a_refund_that_failed_before_anything_was_sent(shop: Shop) -> None:
    """Nothing is due any more: nothing is sent."""
    connected, payment = await paid(shop)
    failed = await give_back(shop, payment, 5_000)
    await shop.control.settle_refund(failed, "failed")
    (event,) = await connected.events("refund.failed")
    await connected.hear({**event, "account": connected.account_id})
    await settle(shop)

    assert await operations(shop, payment) == [("REJECTED", 150)]
    assert await returned(shop) == []
    due = await connected.due(payment)
    assert (due["earned"], due["owed"], due["platform"]) == (300, 0, 300)


async def test_a_refund_that_fails_after_its_part_went_back(shop: Shop) -> None:
    """The part is due to the platform again, and the next refund returns that much less."""
    connected, payment = await paid(shop)
    failed = await give_back(shop, payment, 5_000)
    await settle(shop)
    await shop.control.settle_refund(failed, "failed")
    (event,) = await connected.events("refund.failed")
    await connected.hear({**event, "account": connected.account_id})

    due = await connected.due(payment)
    assert (due["earned"], due["owed"], due["platform"]) == (300, 150, 150)

    await give_back(shop, await shop.now_of(payment))
    await settle(shop)

    assert await returned(shop) == [150, 150]
    due = await connected.due(payment)
    assert (due["earned"], due["owed"], due["platform"]) == (0, 0, 0)
    assert await agrees(connected, payment)


async def test_a_fee_that_became_nothing_at_the_capture_goes_back(shop: Shop) -> None:
    """3.00 % of 0.16 is nothing; the 0.16 that the gateway took all the same is returned."""
    connected = await Connected.of(shop, 300)
    payment = await connected.captured(await shop.authorize(), 16)
    await settle(shop)

    assert await returned(shop) == [16]
    due = await connected.due(payment)
    assert (due["earned"], due["owed"], due["platform"]) == (0, 0, 0)
    assert await agrees(connected, payment)


async def test_under_retain_nothing_goes_back(shop: Shop) -> None:
    """The fee is kept: there is no operation."""
    await shop.write("update platform_fee_tiers set refund_policy = 'RETAIN'")
    _, payment = await paid(shop)
    await give_back(shop, payment)
    await settle(shop)

    assert await operations(shop, payment) == []
    assert await returned(shop) == []


@pytest.mark.parametrize("kind", ["drop_after", "error_after", "garbled", "html"])
async def test_an_answer_that_is_lost(shop: Shop, kind: str) -> None:
    """It took effect: it is found at the gateway by the operation's id, and not sent twice."""
    connected, payment = await paid(shop)
    await give_back(shop, payment)
    await shop.control.order_fault(kind, method="POST", path=_PATH)
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
    await shop.control.order_fault(kind, method="POST", path=_PATH, times=2)
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
    await shop.control.order_fault("rate_limit", method="POST", path=_PATH)
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


async def test_a_capture_told_twice_returns_once(shop: Shop) -> None:
    """The same snapshot again, and again after the fee went back, plans nothing more."""
    connected = await Connected.of(shop, 300)
    held = await shop.authorize()
    command = CapturePayment(payment_id=held.id, idempotency_key=secrets.token_hex(8), amount=16)
    await shop.payments.capture(USER, shop.tenant.id, command)
    for type_ in ("payment_intent.succeeded", "charge.captured"):
        for event in await connected.events(type_):
            await connected.hear({**event, "account": connected.account_id})
            await settle(shop)

    assert await returned(shop) == [16]
    assert await operations(shop, held) == [("SUCCEEDED", 16)]
