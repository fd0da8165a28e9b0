"""Application fees returned to connected accounts, through the sandbox."""

from __future__ import annotations

import secrets
from datetime import timedelta

from domain.commands import CapturePayment
from tests.integration.webhooks.fee_returns import (
    agrees,
    give_back,
    operations,
    paid,
    returned,
    settle,
)
from tests.integration.webhooks.shop import USER, Shop
from tests.integration.webhooks.test_connected_fees import Connected


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
