"""Intents that must be closed: declined ones by us, unwanted ones by their caller's wish."""

from __future__ import annotations

import pytest

from domain.errors import OutcomeUnknown, PaymentDeclined
from domain.payment import PaymentStatus
from tests.integration.domain.calls import cancel
from tests.integration.domain.sandbox import SandboxControl
from tests.integration.domain.test_settling import (
    PATHS,
    open_operations,
    settle_after,
    settle_for_good,
)
from tests.integration.webhooks.shop import USER, Shop


async def test_a_close_that_the_gateway_refuses_is_tried_again(
    shop: Shop, control: SandboxControl
) -> None:
    """The payer's browser put another card on the failed intent, which is processing while we close
    it: the close is refused, that card fails too, and the order is free in the end."""
    with pytest.raises(PaymentDeclined) as declined:
        await shop.charge("pm_card_visa_chargeDeclined")
    intent_id = str(declined.value.payment.gateway_payment_id)
    await shop.call_stripe(
        f"payment_intents/{intent_id}/confirm", payment_method="pm_card_sandbox_processing"
    )
    await settle_after(shop, 6)
    await shop.control.process(intent_id, "fail")

    await settle_for_good(shop)

    now = await shop.now_of(declined.value.payment)
    assert (now.status, now.is_live) == (PaymentStatus.FAILED, False)
    assert await open_operations(shop) == 0


async def test_a_cancel_wish_outlasts_a_busy_gateway(shop: Shop, control: SandboxControl) -> None:
    """The gateway sheds the cancel that the settler sends for a wish: the wish is not dropped."""
    await control.fault("drop_after", method="POST", path=PATHS["charge"])
    with pytest.raises(OutcomeUnknown) as unknown:
        await shop.authorize()
    payment = unknown.value.payment
    assert payment is not None
    with pytest.raises(OutcomeUnknown):
        await shop.payments.cancel(USER, shop.tenant.id, cancel(payment))
    await control.fault("rate_limit", method="POST", path=PATHS["cancel"], times=2)

    await settle_for_good(shop)

    assert (await shop.now_of(payment)).status is PaymentStatus.CANCELED
    assert await open_operations(shop) == 0
