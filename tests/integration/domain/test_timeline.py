"""Each step of an operation stands in its payment's timeline, as readers see it."""

from __future__ import annotations

import pytest

from db.cipher import AesGcmCipher
from db.reports import SqlReads
from domain.errors import OutcomeUnknown
from domain.payment import Payment
from domain.reports import PageRequest
from domain.reviewing import OperationReview
from tests.integration.domain.calls import cancel, capture, refund
from tests.integration.domain.test_settling import settle_after
from tests.integration.webhooks.shop import USER, Shop

DAY = 86_400.0


async def told(shop: Shop, payment: Payment) -> list[tuple[str, str, int | None]]:
    """Message, status and amount of each line, oldest first."""
    reads = SqlReads(shop.api, AesGcmCipher({"k1": b"0" * 32}, "k1"))
    page = await reads.timeline_page(shop.tenant.id, payment.id, PageRequest(limit=50))
    return [(each.message, each.status.value, each.amount) for each in reversed(page.items)]


async def test_a_lost_answer(shop: Shop) -> None:
    """It says that nobody knows, once however often it is looked for, and then what it was."""
    payment = await shop.lose_the_answer()
    await shop.control.order_fault("unavailable", method="GET", path="/v1/.*", times=2)
    for _ in range(3):
        await settle_after(shop, 31)

    lines = await told(shop, payment)
    assert lines[:3] == [
        ("The payment was sent to the gateway.", "PENDING", 10_000),
        ("Nobody knows yet what came of the charge.", "PENDING", 10_000),
        ("The payment became PAID.", "PAID", 10_000),
    ]


async def test_what_was_asked_for(shop: Shop) -> None:
    """A capture and a cancel stand there from before the gateway was asked."""
    captured, canceled = await shop.authorize(), await shop.authorize()
    await shop.payments.capture(USER, shop.tenant.id, capture(captured, 4_000))
    await shop.payments.cancel(USER, shop.tenant.id, cancel(canceled))

    asked = ("A capture was requested.", "AUTHORIZED", 4_000)
    assert asked in await told(shop, captured)
    lines = await told(shop, canceled)
    assert [message for message, _, _ in lines][-2:] == [
        "A cancel was requested.",
        "The payment became CANCELED.",
    ]


async def test_a_day_without_an_answer(shop: Shop) -> None:
    """People are called, and what they say stands there too; the reason stays in the audit."""
    payment = await shop.charge()
    await shop.control.order_fault("drop_before", method="POST", path="/v1/refunds", times=None)
    await shop.control.order_fault("unavailable", method="GET", path="/v1/refunds.*", times=None)
    with pytest.raises(OutcomeUnknown):
        await shop.payments.refund(USER, shop.tenant.id, refund(payment, 4_000))
    await settle_after(shop, DAY + 60)
    review = OperationReview(shop.worker_database, shop.gateway, shop.wake, shop.clock)
    ((operation_id,),) = await shop.rows("select id from gateway_operations where kind = 'refund'")
    await review.give_up(shop.tenant.id, operation_id, USER, reason="not at the dashboard")

    lines = await told(shop, payment)
    assert [message for message, _, amount in lines if amount == 4_000] == [
        "A refund became REQUESTED.",
        "Nobody knows yet what came of the refund.",
        "People are to find out what came of the refund.",
        "Somebody said that the refund was never performed.",
        "A refund became FAILED.",
    ]
