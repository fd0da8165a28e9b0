"""Everything that happens to money has its line in the audit log, and no line has a secret."""

from __future__ import annotations

import secrets

import pytest

from domain.acting import ActingService
from domain.audit_actions import ACTIONS
from domain.caller import Actor, AuditActorType
from domain.checkout import CheckoutGrant, CheckoutService
from domain.commands import CancelOrder, CancelPayment, CreateOrder, StartPayment
from domain.erasing import PayerEraser
from domain.errors import PaymentDeclined
from domain.order import Order
from domain.payment import GatewayType, Payment, PaymentMethodType
from tests.integration.domain.auditing import untold
from tests.integration.domain.calls import capture, refund
from tests.integration.webhooks.replays import replays_of
from tests.integration.webhooks.shop import Shop

ANN = Actor(AuditActorType.USER, "ann", "req-7", "192.0.2.7")
EMAIL = "Payer.Canary@example.com"
CANARY = "metadata-canary"
FORBIDDEN = ("canary", "sk_test_", "whsec_", "_secret_", "eyJcanary", "pm_card", "4242424242424242")

ELSEWHERE = {
    *("refund.updated", "dispute.updated", "dispute.inquiry", "token.revoked"),
    *("gateway.added", "gateway.enabled", "gateway.disabled", "gateway.changed"),
    *("credentials.rotation_started", "credentials.rotated"),
    *("tenant.created", "tenant.tier_assigned", "fee_override.set", "fee_override.ended"),
    *("fee_tier.created", "fee_tier.updated", "fee_tier.archived", "alert.acknowledged"),
    *("payment.operation_given_up", "payment.operation_in_review", "payment.outcome_unknown"),
}
"""Actions whose lines others look at: tests/unit/domain/test_audit_actions.py, and the tests of
revocations, of gateway accounts, of rotation, of prices, of alerts and of timelines."""


BEGINNINGS = {
    *("created", "requested", "opened", "capture_requested", "cancel_requested"),
    *("acted", "payer_erased"),
}
"""The verbs of lines that have no before: something was made, or asked for."""


class Signer:
    """Implements `CheckoutSigner`: a token that must not be found in the audit."""

    def sign(self, grant: CheckoutGrant) -> str:
        return f"eyJcanary.{grant.token_id}.x"


async def order(shop: Shop, total: int = 10_000) -> Order:
    """A fresh order that knows its payer."""
    command = CreateOrder(
        reference=secrets.token_hex(8),
        total=total,
        currency="USD",
        idempotency_key=secrets.token_hex(8),
        customer_email=EMAIL,
        metadata={"name": CANARY},
    )
    return (await shop.orders.create(ANN, shop.tenant.id, command)).order


def start(of: Order, card: str) -> StartPayment:
    """The command that pays the order with this card."""
    return StartPayment(
        order_id=of.id,
        payment_method_type=PaymentMethodType.CARD,
        payment_method_ref=card,
        gateway_type=GatewayType.STRIPE,
        idempotency_key=secrets.token_hex(8),
        return_url="https://shop.example/canary",
        metadata={"name": CANARY},
    )


async def charge(shop: Shop, card: str = "pm_card_visa", of: Order | None = None) -> Payment:
    """The order, or a fresh one, charged."""
    command = start(of or await order(shop), card)
    return (await shop.payments.charge(ANN, shop.tenant.id, command)).payment


async def authorize(shop: Shop) -> Payment:
    """A fresh order authorized."""
    command = start(await order(shop), "pm_card_visa")
    return (await shop.payments.authorize(ANN, shop.tenant.id, command)).payment


async def give_back(shop: Shop, payment: Payment, amount: int | None = None) -> str:
    """A refund through Tollgate; the gateway's id."""
    done = await shop.payments.refund(ANN, shop.tenant.id, refund(payment, amount))
    return str(done.refund.gateway_refund_id)


async def hear_all(shop: Shop) -> None:
    """Every event of the gateway, worked off."""
    for event in await shop.gateway_events():
        await shop.receive(event)
    await shop.work_off()


async def captures_and_refunds(shop: Shop) -> None:
    """An order paid in two parts; refunds through Tollgate, at the dashboard, failed, canceled."""
    held = await authorize(shop)
    await shop.payments.capture(ANN, shop.tenant.id, capture(held, 6_000))
    async with shop.database.begin(shop.tenant.id) as work:
        rest = await work.orders.lock(shop.tenant.id, held.order_id)
    second = await charge(shop, of=rest)
    for amount in (1_000, 500, None):
        await give_back(shop, held, amount)
    await shop.call_stripe("refunds", payment_intent=str(second.gateway_payment_id))
    for status in ("failed", "canceled"):
        pending = await charge(shop, "pm_card_pendingRefund")
        await shop.control.settle_refund(await give_back(shop, pending), status)


async def ends_without_money(shop: Shop) -> None:
    """Canceled, expired, declined, waiting for the payer, processing; an order closed."""
    held = await authorize(shop)
    wish = CancelPayment(
        payment_id=held.id,
        idempotency_key="cancel",
        reason=f"{EMAIL} called; whsec_canary, sk_test_canary and pi_1_secret_canary were seen",
    )
    await shop.payments.cancel(ANN, shop.tenant.id, wish)
    await shop.control.expire(str((await authorize(shop)).gateway_payment_id))
    with pytest.raises(PaymentDeclined):
        await charge(shop, "pm_card_visa_chargeDeclined")
    await shop.settler.settle_due()
    secured = await charge(shop, "pm_card_threeDSecure2Required")
    await shop.control.authenticate(str(secured.gateway_payment_id), "succeed")
    await charge(shop, "pm_card_sandbox_processing")
    close = CancelOrder(order_id=(await order(shop)).id, idempotency_key="close", reason=EMAIL)
    await shop.orders.cancel(ANN, shop.tenant.id, close)


async def disputes(shop: Shop) -> None:
    """A dispute that goes to the bank twice, and one that is prevented."""
    for path in (["under_review", "won", "needs_response", "lost"], ["prevented"]):
        payment = await charge(shop)
        opened = await shop.control.dispute(str(payment.gateway_charge_id))
        for status in path:
            await hear_all(shop)
            await shop.control.decide(opened["id"], status)


async def administration(shop: Shop) -> None:
    """A checkout token, and an act of the platform's people."""
    checkout = CheckoutService(shop.database, Signer(), shop.clock)
    await checkout.create(ANN, shop.tenant.id, (await order(shop)).id, 600)
    acting = ActingService(shop.database, shop.clock)
    await acting.record(ANN, shop.tenant.id, reason=f"asked by {EMAIL}", operation="Refund")


async def an_event(shop: Shop) -> str:
    """One that was worked off."""
    found = await shop.rows("select id from webhook_events where status = 'PROCESSED' limit 1")
    return str(found[0][0])


async def test_every_action_has_its_line(shop: Shop) -> None:
    """All that the product does is done once: each action is told with who did it, for which
    request, from what and to what; and no line holds the payer, a secret or a payment method."""
    await captures_and_refunds(shop)
    await ends_without_money(shop)
    await disputes(shop)
    await hear_all(shop)
    await administration(shop)
    await replays_of(shop).replay(ANN, shop.tenant.id, await an_event(shop))
    assert await untold(shop) == []
    eraser = PayerEraser(shop.worker_database, shop.clock)
    await eraser.erase(ANN, shop.tenant.id, EMAIL, looked_at=lambda _: None)

    lines = await shop.rows(
        "select action, actor_type, actor_id, request_id, ip_address, before, after from audit_log"
    )
    whole = repr(await shop.rows("select to_jsonb(audit_log)::text from audit_log"))

    assert {line[0] for line in lines} == set(ACTIONS) - ELSEWHERE
    users = {line[2:5] for line in lines if line[1] == "USER"}
    assert users == {("ann", "req-7", "192.0.2.7")}
    assert [line for line in lines if line[1] == "GATEWAY" and not line[2].startswith("evt_")] == []
    assert [line for line in lines if not line[6]] == []
    assert {line[0].split(".")[1] for line in lines if line[5] is None} == BEGINNINGS
    assert [word for word in FORBIDDEN if word.lower() in whole.lower()] == []
