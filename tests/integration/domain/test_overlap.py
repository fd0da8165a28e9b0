"""Refunds from two sides at once: our own reserve, and money returned at the dashboard."""

from __future__ import annotations

import pytest

from domain.errors import OutcomeUnknown
from domain.inbox import WebhookEventStatus
from domain.refund import RefundStatus
from tests.e2e.sandbox.control import Control
from tests.integration.domain.calls import refund
from tests.integration.webhooks.shop import USER, Shop


async def test_a_dashboard_refund_during_our_own_is_booked(shop: Shop, control: Control) -> None:
    """While 60.00 of ours are reserved, 80.00 go back at the dashboard: both ends come out true."""
    payment = await shop.charge()
    await control.order_fault("drop_before", method="POST", path="/v1/refunds")
    with pytest.raises(OutcomeUnknown):
        await shop.payments.refund(USER, shop.tenant.id, refund(payment, 6_000))
    await shop.call_stripe("refunds", payment_intent=str(payment.gateway_payment_id), amount="8000")
    (event, *_) = await shop.gateway_events("refund.created")

    processed = await shop.process(event)
    during = await shop.now_of(payment)
    shop.clock.advance(6)
    await shop.settler.settle_due()
    after = await shop.now_of(payment)

    assert processed.status is WebhookEventStatus.PROCESSED
    assert (during.refunded, during.refund_pending, during.refundable) == (8_000, 6_000, 0)
    assert (after.refunded, after.refund_pending, after.refundable) == (8_000, 0, 2_000)
    statuses = {each.amount: each.status for each in await shop.refunds_of(payment)}
    assert statuses == {6_000: RefundStatus.FAILED, 8_000: RefundStatus.SUCCEEDED}
