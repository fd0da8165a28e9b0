"""Refunds that come by more than one way, late, twice, or back again."""

from __future__ import annotations

import asyncio

import pytest

from domain.errors import GatewayRejected, OutcomeUnknown
from domain.payment import PaymentStatus, RefundState
from domain.refund import RefundOrigin, RefundStatus
from tests.e2e.sandbox.control import Control
from tests.integration.domain.calls import refund
from tests.integration.domain.test_settling import PATHS, settle_after, settle_for_good
from tests.integration.webhooks.shop import USER, Shop


async def process_all(shop: Shop, *types: str) -> None:
    """Processes every event of these types that the gateway has by now."""
    for event in await shop.gateway_events(*types):
        await shop.process(event)


async def test_a_given_up_refund_that_took_effect_is_booked(shop: Shop, control: Control) -> None:
    """The gateway carries out a refund after it was proven absent: the money is booked, with an
    alert, and the caller's refund stays failed."""
    payment = await shop.charge()
    await control.order_fault("unavailable", method="POST", path=PATHS["refund"], times=None)
    command = refund(payment, 4_000)
    with pytest.raises(OutcomeUnknown):
        await shop.payments.refund(USER, shop.tenant.id, command)
    await settle_for_good(shop)
    (given_up,) = await shop.refunds_of(payment)
    await shop.control.clear_faults()
    await shop.call_stripe(
        "refunds",
        payment_intent=str(payment.gateway_payment_id),
        amount="4000",
        **{"metadata[tollgate_refund_id]": given_up.id},
    )

    await process_all(shop, "refund.created")

    now = await shop.now_of(payment)
    ours, theirs = await shop.refunds_of(payment)
    assert (ours.status, theirs.status) == (RefundStatus.FAILED, RefundStatus.SUCCEEDED)
    assert (now.refunded, now.refund_pending, now.platform_fee_refunded) == (4_000, 0, 120)
    assert ("refund.unforeseen", "CRITICAL", theirs.id) in await shop.alerts()
    with pytest.raises(GatewayRejected):
        await shop.payments.refund(USER, shop.tenant.id, command)


async def test_a_refund_that_took_effect_twice_counts_twice(shop: Shop, control: Control) -> None:
    """A second refund under our id is money of its own and does not overwrite the first."""
    payment = await shop.charge()
    done = await shop.payments.refund(USER, shop.tenant.id, refund(payment, 4_000))
    await shop.call_stripe(
        "refunds",
        payment_intent=str(payment.gateway_payment_id),
        amount="4000",
        **{"metadata[tollgate_refund_id]": done.refund.id},
    )

    await process_all(shop, "refund.created", "charge.refunded")

    now = await shop.now_of(payment)
    first, second = await shop.refunds_of(payment)
    assert first.gateway_refund_id == done.refund.gateway_refund_id
    assert second.origin is RefundOrigin.GATEWAY
    assert now.refunded == 8_000
    assert sum(back["amount"] for back in (await control.ledger())["refunds"]) == 8_000


async def test_a_refund_at_the_dashboard_beside_ours(shop: Shop, control: Control) -> None:
    """The whole amount goes back at the dashboard while ours waits for its answer: the event is
    booked at once, and ours is refused and frees its reserve."""
    payment = await shop.charge()
    await control.order_fault("drop_before", method="POST", path=PATHS["refund"])
    with pytest.raises(OutcomeUnknown):
        await shop.payments.refund(USER, shop.tenant.id, refund(payment, 6_000))
    await shop.call_stripe("refunds", payment_intent=str(payment.gateway_payment_id))

    await process_all(shop, "refund.created", "charge.refunded")
    between = await shop.now_of(payment)
    await settle_after(shop, 6)

    now = await shop.now_of(payment)
    assert (between.refunded, between.refund_pending, between.refundable) == (10_000, 6_000, 0)
    assert (now.refunded, now.refund_pending) == (10_000, 0)
    assert now.refund_status is RefundState.FULL


async def test_a_pending_refund_beside_ours(shop: Shop, control: Control) -> None:
    """Two refunds that together exceed what was captured may both be pending for a while."""
    payment = await shop.charge("pm_card_pendingRefund")
    await control.order_fault("drop_before", method="POST", path=PATHS["refund"])
    with pytest.raises(OutcomeUnknown):
        await shop.payments.refund(USER, shop.tenant.id, refund(payment, 6_000))
    await shop.call_stripe("refunds", payment_intent=str(payment.gateway_payment_id))

    await process_all(shop, "refund.created")
    await settle_after(shop, 6)

    now = await shop.now_of(payment)
    assert (now.refunded, now.refund_pending, now.refundable) == (0, 10_000, 0)


async def test_the_event_comes_before_the_refunds_answer(shop: Shop, control: Control) -> None:
    """A refund that its event booked while the answer was on its way is one refund."""
    payment = await shop.charge()
    await control.order_fault("hang_after", method="POST", path=PATHS["refund"], seconds=0.5)
    call = asyncio.create_task(shop.payments.refund(USER, shop.tenant.id, refund(payment, 4_000)))
    await asyncio.sleep(0.25)

    await process_all(shop, "refund.created")
    early = await shop.now_of(payment)
    with pytest.raises(OutcomeUnknown):
        await call
    await settle_after(shop, 6)

    now = await shop.now_of(payment)
    assert (early.refunded, now.refunded, now.platform_fee_refunded) == (4_000, 4_000, 120)
    assert len(await shop.refunds_of(payment)) == 1


async def test_a_pending_refund_that_fails_can_be_made_again(shop: Shop, control: Control) -> None:
    """Pending, then failed: the money is refundable again, and the fee is kept again."""
    payment = await shop.charge("pm_card_pendingRefund")
    done = await shop.payments.refund(USER, shop.tenant.id, refund(payment))
    await control.settle_refund(str(done.refund.gateway_refund_id), "failed")

    await process_all(shop, "refund.failed", "refund.updated")

    now = await shop.now_of(payment)
    assert (done.refund.status, done.payment.refund_pending) == (RefundStatus.PENDING, 10_000)
    assert (now.refunded, now.refundable, now.platform_fee_refunded) == (0, 10_000, 0)
    again = await shop.payments.refund(USER, shop.tenant.id, refund(payment))
    assert again.refund.status is RefundStatus.PENDING


async def test_a_late_failure_and_its_repetition_in_any_order(shop: Shop, control: Control) -> None:
    """A refund fails after it had succeeded and is made again at the dashboard; the news of the
    second comes first: both end as they are at the gateway."""
    payment = await shop.charge()
    done = await shop.payments.refund(USER, shop.tenant.id, refund(payment))
    await control.settle_refund(str(done.refund.gateway_refund_id), "failed")
    await shop.call_stripe("refunds", payment_intent=str(payment.gateway_payment_id))

    await process_all(shop, "charge.refunded")

    now = await shop.now_of(payment)
    statuses = [found.status for found in await shop.refunds_of(payment)]
    assert statuses == [RefundStatus.FAILED, RefundStatus.SUCCEEDED]
    assert (now.status, now.refunded) == (PaymentStatus.PAID, 10_000)
    assert now.platform_fee_refunded == 300
