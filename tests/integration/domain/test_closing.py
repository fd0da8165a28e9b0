"""Intents that must be closed: declined ones by us, unwanted ones by their caller's wish."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.errors import InvalidState, OutcomeUnknown, PaymentDeclined
from domain.payment import PaymentStatus
from tests.e2e.sandbox.control import Control
from tests.integration.domain.calls import cancel, charge
from tests.integration.domain.test_settling import (
    PATHS,
    open_operations,
    settle_after,
    settle_for_good,
)
from tests.integration.webhooks.shop import USER, Shop


async def test_a_close_that_the_gateway_refuses_is_tried_again(
    shop: Shop, control: Control
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


async def test_a_card_after_a_declined_one_is_told_what_it_waits_for(
    shop: Shop, control: Control
) -> None:
    """Until the declined payment is closed another card waits, and is told so, not that somebody
    pays already."""
    command = await shop.start_command("pm_card_visa_chargeDeclined")
    with pytest.raises(PaymentDeclined):
        await charge(shop, command)

    other = replace(command, payment_method_ref="pm_card_visa", idempotency_key="other-card")
    with pytest.raises(InvalidState, match="declined") as waits:
        await charge(shop, other)
    await settle_after(shop, 1)

    assert (waits.value.detail_code, waits.value.retryable) == ("PAYMENT_IN_PROGRESS", True)
    assert (await charge(shop, other)).payment.status is PaymentStatus.PAID


async def test_a_cancel_wish_outlasts_a_busy_gateway(shop: Shop, control: Control) -> None:
    """The gateway sheds the cancel that the settler sends for a wish: the wish is not dropped."""
    await control.order_fault("drop_after", method="POST", path=PATHS["charge"])
    with pytest.raises(OutcomeUnknown) as unknown:
        await shop.authorize()
    payment = unknown.value.payment
    assert payment is not None
    with pytest.raises(OutcomeUnknown):
        await shop.payments.cancel(USER, shop.tenant.id, cancel(payment))
    await control.order_fault("rate_limit", method="POST", path=PATHS["cancel"], times=2)

    await settle_for_good(shop)

    assert (await shop.now_of(payment)).status is PaymentStatus.CANCELED
    assert await open_operations(shop) == 0


async def test_one_unreadable_operation_holds_up_no_other(shop: Shop, control: Control) -> None:
    """An operation whose request cannot be decrypted is not sent again, and waits where the gateway
    does not know it; the next one is settled meanwhile."""
    await control.order_fault("drop_before", method="POST", path=PATHS["charge"])
    command = await shop.start_command()
    with pytest.raises(OutcomeUnknown):
        await charge(shop, command)
    broken = await shop.payment_of(command.order_id)
    sound = await shop.lose_the_answer()
    await shop.write(
        "update gateway_operations set request = 'nonsense' where payment_id = :broken",
        broken=broken.id,
    )

    await settle_after(shop, 6)

    assert (await shop.now_of(sound)).status is PaymentStatus.PAID
    assert (await shop.now_of(broken)).status is PaymentStatus.PENDING
    assert await open_operations(shop) == 1


async def test_a_failed_authentication_lets_another_card_pay(shop: Shop, control: Control) -> None:
    """3-D Secure fails: FAILED, closed, and the order is paid with another card; one charge."""
    command = await shop.start_command("pm_card_authenticationRequired")
    waiting = (await charge(shop, command)).payment
    await control.authenticate(str(waiting.gateway_payment_id), "fail")
    (event,) = await shop.gateway_events("payment_intent.payment_failed")
    await shop.process(event)
    await settle_after(shop, 1)

    other = replace(command, payment_method_ref="pm_card_visa", idempotency_key="other-card")
    paid = await charge(shop, other)

    failed = await charge(shop, command)
    assert waiting.status is PaymentStatus.REQUIRES_ACTION
    assert (failed.payment.id, failed.payment.status) == (waiting.id, PaymentStatus.FAILED)
    assert paid.payment.status is PaymentStatus.PAID
    taken = [each for each in (await control.ledger())["charges"] if each["captured"]]
    assert [each["amount_captured"] for each in taken] == [10_000]


async def test_an_abandoned_authentication_can_be_canceled(shop: Shop, control: Control) -> None:
    """The payer never comes back from 3-D Secure: a cancel frees the order."""
    command = await shop.start_command("pm_card_authenticationRequired")
    waiting = (await charge(shop, command)).payment

    done = await shop.payments.cancel(USER, shop.tenant.id, cancel(waiting))

    assert (done.payment.status, done.payment.is_live) == (PaymentStatus.CANCELED, False)
    other = replace(command, payment_method_ref="pm_card_visa", idempotency_key="other-card")
    assert (await charge(shop, other)).payment.status is PaymentStatus.PAID
