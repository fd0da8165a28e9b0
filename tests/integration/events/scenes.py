"""What happened at the gateway before an event tells of it: made through Tollgate's own services,
or beside them at the gateway."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from domain.commands import RefundPayment, StartPayment
from domain.errors import OutcomeUnknown
from domain.payment import Payment
from domain.refund import RefundReason
from tests.integration.webhooks.shop import USER, Shop

Scene = Callable[[Shop], Awaitable[Payment]]
Ask = Callable[[StartPayment], Awaitable[object]]

CREATE = "/v1/payment_intents"


async def settled(shop: Shop) -> None:
    """Lets the gateway book what it books a moment later."""
    await shop.control.advance(1)


async def lost(shop: Shop, card: str = "pm_card_visa", *, manual: bool = False) -> Payment:
    """A payment that took effect at the gateway while its answer was lost: all that is known here
    is that it was asked for."""
    await shop.control.order_fault("drop_after", method="POST", path=CREATE)
    command = await shop.start_command(card)
    start = shop.payments.authorize if manual else shop.payments.charge
    try:
        await start(USER, shop.tenant.id, command)
    except OutcomeUnknown:
        await settled(shop)
        return await shop.payment_of(command.order_id)
    raise AssertionError("the answer was not lost")


async def paid(shop: Shop, card: str = "pm_card_visa") -> Payment:
    """A payment that is known to be paid; its fee is not final yet."""
    payment = await shop.charge(card)
    await settled(shop)
    return payment


async def asks(shop: Shop) -> Payment:
    """The issuer asks for 3-D Secure, which nobody here knows."""
    return await lost(shop, "pm_card_threeDSecure2Required")


async def processes(shop: Shop) -> Payment:
    """The bank takes its time, which nobody here knows."""
    return await lost(shop, "pm_card_sandbox_processing")


async def declined(shop: Shop) -> Payment:
    """The issuer declined, which nobody here knows."""
    return await lost(shop, "pm_card_visa_chargeDeclined")


async def held(shop: Shop) -> Payment:
    """The amount is authorized, which nobody here knows."""
    return await lost(shop, manual=True)


async def canceled(shop: Shop) -> Payment:
    """An authorization that somebody canceled at the gateway's dashboard."""
    payment = await shop.authorize()
    await shop.call_stripe(f"payment_intents/{payment.gateway_payment_id}/cancel")
    return payment


async def captured(shop: Shop) -> Payment:
    """An authorization that somebody captured at the gateway's dashboard."""
    payment = await shop.authorize()
    await shop.call_stripe(f"payment_intents/{payment.gateway_payment_id}/capture")
    await settled(shop)
    return payment


async def expired(shop: Shop) -> Payment:
    """An authorization that ran out."""
    payment = await shop.authorize()
    await shop.control.expire(str(payment.gateway_payment_id))
    return payment


async def refunded(shop: Shop) -> Payment:
    """A payment of which somebody refunded 40.00 at the gateway's dashboard."""
    payment = await paid(shop)
    await shop.call_stripe("refunds", payment_intent=str(payment.gateway_payment_id), amount="4000")
    return payment


async def sent_back(shop: Shop, payment: Payment) -> str:
    """40.00 refunded through Tollgate; returns the refund's id at the gateway."""
    command = RefundPayment(
        payment_id=payment.id,
        idempotency_key=secrets.token_hex(8),
        reason=RefundReason.REQUESTED_BY_CUSTOMER,
        amount=4_000,
    )
    done = await shop.payments.refund(USER, shop.tenant.id, command)
    return str(done.refund.gateway_refund_id)


async def refund_succeeded(shop: Shop) -> Payment:
    """A refund of ours that was pending and went through."""
    payment = await paid(shop, "pm_card_pendingRefund")
    await shop.control.settle_refund(await sent_back(shop, payment), "succeeded")
    return await shop.now_of(payment)


async def refund_failed(shop: Shop) -> Payment:
    """A refund of ours that had succeeded and failed after all."""
    payment = await paid(shop)
    await shop.control.settle_refund(
        await sent_back(shop, payment), "failed", failure_reason="expired_or_canceled_card"
    )
    return await shop.now_of(payment)


async def disputed(shop: Shop) -> Payment:
    """The bank took all of it back, which nobody here knows."""
    payment = await paid(shop)
    await shop.control.dispute(str(payment.gateway_charge_id))
    return payment


async def _decided(shop: Shop, status: str) -> Payment:
    payment = await disputed(shop)
    opened = (await shop.gateway_events("charge.dispute.created"))[-1]
    await shop.process(opened)
    await shop.control.decide(str(opened["data"]["object"]["id"]), status)
    return await shop.now_of(payment)


async def under_review(shop: Shop) -> Payment:
    """A dispute that is known here, and now lies with the bank."""
    return await _decided(shop, "under_review")


async def won(shop: Shop) -> Payment:
    """A dispute that is known here, and was won."""
    return await _decided(shop, "won")


async def lost_at_the_bank(shop: Shop) -> Payment:
    """A dispute that is known here, and was lost."""
    return await _decided(shop, "lost")
