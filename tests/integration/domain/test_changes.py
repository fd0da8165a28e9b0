"""Captures, refunds and cancels: their limits hold, side by side and against the gateway."""

from __future__ import annotations

import asyncio

import pytest

from domain.commands import PaymentDone
from domain.errors import (
    GatewayRejected,
    InvalidState,
    ValidationFailed,
)
from domain.payment import PaymentStatus, RefundState
from domain.refund import RefundStatus
from tests.e2e.sandbox.control import Control
from tests.integration.domain.calls import cancel, capture, outcome, refund
from tests.integration.webhooks.shop import USER, Shop


async def test_capture_takes_a_part_and_no_more_than_all(shop: Shop, control: Control) -> None:
    """A capture above the authorization, of 0 or below is refused unsent; a part is final."""
    payment = await shop.authorize()
    for amount in (10_001, 0, -5):
        with pytest.raises(ValidationFailed):
            await shop.payments.capture(USER, shop.tenant.id, capture(payment, amount))

    done = await shop.payments.capture(USER, shop.tenant.id, capture(payment, 6_000))
    with pytest.raises(InvalidState) as late:
        await shop.payments.capture(USER, shop.tenant.id, capture(payment, 1_000))

    assert (done.payment.captured, done.payment.platform_fee) == (6_000, 180)
    assert (done.payment.gateway_fee, done.payment.gateway_fee_is_final) == (204, True)
    assert late.value.detail_code == "PAYMENT_NOT_AUTHORIZED"
    assert [taken["amount_captured"] for taken in (await control.ledger())["charges"]] == [6_000]


async def test_two_refunds_never_pass_the_limit_together(shop: Shop, control: Control) -> None:
    """Thirty refunds at once of a third each: three succeed, to the cent."""
    payment = await shop.charge()
    commands = [refund(payment, 3_333) for _ in range(30)]

    answers = await asyncio.gather(
        *(shop.payments.refund(USER, shop.tenant.id, each) for each in commands),
        return_exceptions=True,
    )
    rest = await shop.payments.refund(USER, shop.tenant.id, refund(payment))

    refused = [answer for answer in answers if isinstance(answer, ValidationFailed)]
    assert len(refused) == 27
    assert {issue.rule for error in refused for issue in error.issues} == {"EXCEEDS_REFUNDABLE"}
    assert (rest.refund.amount, rest.payment.refunded) == (1, 10_000)
    assert rest.payment.refund_status is RefundState.FULL
    assert rest.payment.platform_fee_refunded == 300
    refunds = (await control.ledger())["refunds"]
    assert sum(returned["amount"] for returned in refunds) == 10_000
    with pytest.raises(InvalidState):
        await shop.payments.refund(USER, shop.tenant.id, refund(payment))


async def test_a_refund_the_gateway_refuses_frees_its_reserve(shop: Shop, control: Control) -> None:
    """Money refunded at the dashboard first: ours is refused, FAILED, and holds nothing."""
    payment = await shop.charge()
    await shop.call_stripe("refunds", payment_intent=str(payment.gateway_payment_id))

    with pytest.raises(GatewayRejected) as rejected:
        await shop.payments.refund(USER, shop.tenant.id, refund(payment))

    now = await shop.now_of(payment)
    (failed,) = await shop.refunds_of(payment)
    assert rejected.value.detail_code == "charge_already_refunded"
    assert (failed.status, now.refund_pending) == (RefundStatus.FAILED, 0)


async def test_a_capture_too_late_adopts_the_truth(shop: Shop, control: Control) -> None:
    """The authorization ran out unseen: the capture is refused and the payment is EXPIRED."""
    payment = await shop.authorize()
    await control.expire(str(payment.gateway_payment_id))

    with pytest.raises(InvalidState) as late:
        await shop.payments.capture(USER, shop.tenant.id, capture(payment))

    assert late.value.detail_code == "STATE_CHANGED"
    assert late.value.payment is not None
    assert late.value.payment.status is PaymentStatus.EXPIRED


async def test_capture_and_cancel_at_once_have_one_winner(shop: Shop, control: Control) -> None:
    """Of a capture and a cancel side by side one wins, and our state is the gateway's."""
    payment = await shop.authorize()
    captures = [shop.payments.capture(USER, shop.tenant.id, capture(payment)) for _ in range(5)]
    cancels = [shop.payments.cancel(USER, shop.tenant.id, cancel(payment)) for _ in range(5)]

    answers = await asyncio.gather(*(outcome(call) for call in [*captures, *cancels]))

    assert sum(isinstance(answer, PaymentDone) for answer in answers) == 1
    now = await shop.now_of(payment)
    (taken,) = (await control.ledger())["charges"]
    assert now.status in {PaymentStatus.PAID, PaymentStatus.CANCELED}
    assert taken["captured"] is (now.status is PaymentStatus.PAID)
