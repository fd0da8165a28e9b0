"""What is never passed over in silence: refused credentials, and money that comes too late."""

from __future__ import annotations

import pytest

from domain.applying import fail_without_intent
from domain.caller import Actor, AuditActorType
from domain.errors import GatewayUnavailable, OutcomeUnknown
from domain.gateways.stripe_gateway import StripeGateway
from domain.payment import CaptureMethod, Payment, PaymentStatus
from domain.recording import lock_payment, record_intent, save_payment
from domain.services import PaymentService
from tests.builders import an_account
from tests.e2e.sandbox.control import Control
from tests.integration.webhooks.shop import USER, Shop

SYSTEM = Actor(AuditActorType.SYSTEM, "test")


async def test_refused_credentials_raise_one_alert(shop: Shop, sandbox_url: str) -> None:
    """A wrong key reaches nothing, can be mended and repeated, and is told once per account."""
    wrong = StripeGateway(secret_key="sk_wrong_1234567890", api_base=sandbox_url)
    payments = PaymentService(shop.database, wrong, shop.wake, shop.clock)
    command = await shop.start_command()

    for _ in range(2):
        with pytest.raises(GatewayUnavailable):
            await payments.charge(USER, shop.tenant.id, command)
    done = await shop.payments.charge(USER, shop.tenant.id, command)

    assert [(rule, severity) for rule, severity, _ in await shop.alerts()] == [
        ("gateway.unauthorized", "CRITICAL")
    ]
    assert done.payment.status is PaymentStatus.PAID
    await wrong.close()


async def give_up(shop: Shop, payment: Payment) -> None:
    """Ends the payment as if the gateway had proven to know nothing of it."""
    now = shop.clock.now()
    async with shop.database.begin(shop.tenant.id) as work:
        order, locked = await lock_payment(work, shop.tenant.id, payment.id)
        failed = fail_without_intent(locked, None, now)
        await save_payment(work, order, locked, failed, actor=SYSTEM, now=now)
        await work.commit()


@pytest.mark.parametrize("method", list(CaptureMethod))
async def test_money_for_a_payment_that_ended_is_told(
    shop: Shop, control: Control, method: CaptureMethod
) -> None:
    """Money taken or held after the payment ended is an alert, and changes nothing."""
    await control.order_fault("drop_after", method="POST", path="/v1/payment_intents")
    start = shop.charge if method is CaptureMethod.AUTOMATIC else shop.authorize
    with pytest.raises(OutcomeUnknown):
        await start()
    ((payment_id, order_id),) = await shop.rows("select id, order_id from payments")
    payment = await shop.payment_of(order_id)
    await give_up(shop, payment)
    (event, *_) = await shop.gateway_events("payment_intent.created")
    intent = await shop.gateway.read_intent(
        an_account(), event["data"]["object"]["id"], timeout_seconds=5
    )

    async with shop.database.begin(shop.tenant.id) as work:
        recorded = await record_intent(
            work, shop.tenant.id, payment_id, intent, actor=SYSTEM, now=shop.clock.now()
        )
        await work.commit()

    assert recorded.superseded
    assert (await shop.payment_of(order_id)).status is PaymentStatus.FAILED
    assert [(rule, subject) for rule, _, subject in await shop.alerts()] == [
        ("payment.late_money", payment_id)
    ]
