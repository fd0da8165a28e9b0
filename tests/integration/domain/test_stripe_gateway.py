"""The Stripe adapter over real HTTP: what it sends, reads, and makes of each failure."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import (
    GatewayDeclined,
    GatewayRefused,
    GatewayUnauthorized,
    GatewayUnknown,
    GatewayUnreached,
)
from domain.gateways.stripe_gateway import StripeGateway
from domain.ids import Prefix, new_id
from domain.operation import GatewayRequest
from domain.payment import CaptureMethod, Payment
from domain.snapshot import GatewayRefundStatus, IntentSnapshot, IntentStatus
from tests.builders import a_payment, a_refund, an_account
from tests.e2e.sandbox.control import Control
from tests.integration.domain.conftest import SECRET_KEY

ACCOUNT = an_account()


def fresh_payment(**changes: object) -> Payment:
    """A payment with an id of its own."""
    return a_payment(id=new_id(Prefix.PAYMENT), metadata={"cart": "7"}, **changes)


def create_request(
    gateway: StripeGateway,
    payment: Payment,
    card: str = "pm_card_visa",
    return_url: str | None = None,
) -> GatewayRequest:
    """The request that creates and confirms the payment's intent."""
    return gateway.create_intent_request(
        payment, payment_method_ref=card, return_url=return_url, application_fee=None
    )


async def create(
    gateway: StripeGateway,
    payment: Payment,
    card: str = "pm_card_visa",
    return_url: str | None = None,
) -> IntentSnapshot:
    """The payment's intent at the sandbox."""
    request = create_request(gateway, payment, card, return_url)
    reply = await gateway.send_intent(ACCOUNT, request, key=payment.id, timeout_seconds=5)
    assert reply.request_id is not None
    return reply.snapshot


async def test_a_charge_is_read_back(gateway: StripeGateway) -> None:
    """A charge answers as succeeded, in our units, carrying our id."""
    payment = fresh_payment()

    sent = await create(gateway, payment)
    read = await gateway.read_intent(ACCOUNT, sent.gateway_payment_id, timeout_seconds=5)

    assert (sent.status, sent.amount, sent.amount_received) == (
        IntentStatus.SUCCEEDED,
        10_000,
        10_000,
    )
    assert (sent.currency, sent.livemode, sent.tollgate_payment_id) == ("USD", False, payment.id)
    assert sent.card is not None
    assert (sent.card.brand, sent.card.last4) == ("visa", "4242")
    assert read.gateway_charge_id == sent.gateway_charge_id


async def test_a_manual_capture_settles_at_once(gateway: StripeGateway) -> None:
    """Authorize, capture a part: the snapshot has the captured amount and the gateway's fee."""
    payment = fresh_payment(capture_method=CaptureMethod.MANUAL)
    authorized = await create(gateway, payment)
    assert authorized.status is IntentStatus.REQUIRES_CAPTURE
    assert authorized.capture_before is not None
    payment = a_payment(id=payment.id, gateway_payment_id=authorized.gateway_payment_id)

    request = gateway.capture_request(payment, 6_000, application_fee=None)
    reply = await gateway.send_intent(ACCOUNT, request, key="capture-1", timeout_seconds=5)

    captured = reply.snapshot
    assert (captured.status, captured.amount_received) == (IntentStatus.SUCCEEDED, 6_000)
    assert captured.settlement is not None
    assert (captured.settlement.amount, captured.settlement.fee) == (6_000, 204)


async def test_a_cancel_tells_its_reason(gateway: StripeGateway) -> None:
    """A canceled intent carries the reason that we sent."""
    authorized = await create(gateway, fresh_payment(capture_method=CaptureMethod.MANUAL))
    payment = a_payment(gateway_payment_id=authorized.gateway_payment_id)

    request = gateway.cancel_request(payment, abandoned=True)
    reply = await gateway.send_intent(ACCOUNT, request, key="cancel-1", timeout_seconds=5)

    assert reply.snapshot.status is IntentStatus.CANCELED
    assert reply.snapshot.cancellation_reason == "abandoned"
    assert reply.snapshot.canceled_at is not None


@pytest.mark.parametrize(
    ("return_url", "action"),
    [("https://shop.example/back", "redirect_to_url"), (None, "use_stripe_sdk")],
)
async def test_three_d_secure_asks_for_a_next_action(
    gateway: StripeGateway, control: Control, return_url: str | None, action: str
) -> None:
    """A card that needs 3-D Secure answers with what the payer must do, and is paid after it."""
    waiting = await create(gateway, fresh_payment(), "pm_card_authenticationRequired", return_url)

    await control.authenticate(waiting.gateway_payment_id)
    paid = await gateway.read_intent(ACCOUNT, waiting.gateway_payment_id, timeout_seconds=5)

    assert waiting.status is IntentStatus.REQUIRES_ACTION
    assert waiting.next_action is not None
    assert waiting.next_action.type == action
    assert waiting.next_action.client_secret is not None
    assert (waiting.next_action.redirect_url is not None) is (return_url is not None)
    assert paid.status is IntentStatus.SUCCEEDED


async def test_a_decline_brings_its_intent(gateway: StripeGateway) -> None:
    """A decline carries the issuer's code and the intent that failed."""
    with pytest.raises(GatewayDeclined) as declined:
        await create(gateway, fresh_payment(), "pm_card_visa_chargeDeclinedInsufficientFunds")

    assert declined.value.gateway_code == "insufficient_funds"
    assert declined.value.snapshot is not None
    assert declined.value.snapshot.status is IntentStatus.REQUIRES_PAYMENT_METHOD
    assert declined.value.snapshot.decline is not None
    assert declined.value.snapshot.decline.decline_code == "insufficient_funds"


async def test_refunds_are_sent_read_and_listed(gateway: StripeGateway) -> None:
    """A refund answers with our id in its metadata and is found by its id and by its intent."""
    intent = await create(gateway, fresh_payment())
    payment = a_payment(gateway_payment_id=intent.gateway_payment_id)
    refund = a_refund()

    request = gateway.refund_request(payment, refund)
    reply = await gateway.send_refund(ACCOUNT, request, key="refund-1", timeout_seconds=5)
    read = await gateway.read_refund(ACCOUNT, reply.snapshot.gateway_refund_id, timeout_seconds=5)
    listed = await gateway.list_refunds(ACCOUNT, intent.gateway_payment_id, timeout_seconds=5)

    assert reply.snapshot.tollgate_refund_id == refund.id
    assert (read.status, read.amount) == (GatewayRefundStatus.SUCCEEDED, 4_000)
    assert read.gateway_payment_id == intent.gateway_payment_id
    assert [found.gateway_refund_id for found in listed] == [read.gateway_refund_id]


async def test_a_listing_is_complete(gateway: StripeGateway) -> None:
    """Every intent of the span is listed, over several pages."""
    payments = [fresh_payment() for _ in range(105)]
    for payment in payments:
        await create(gateway, payment)
    now = datetime.now(UTC)

    found = await gateway.list_intents(
        ACCOUNT,
        created_from=now - timedelta(minutes=10),
        created_until=now + timedelta(minutes=10),
        timeout_seconds=5,
    )

    assert {intent.tollgate_payment_id for intent in found} == {payment.id for payment in payments}


async def test_the_same_key_has_one_effect(gateway: StripeGateway, control: Control) -> None:
    """A request sent again under its key is answered with the first effect."""
    payment = fresh_payment()

    first = await create(gateway, payment)
    second = await create(gateway, payment)

    assert first.gateway_payment_id == second.gateway_payment_id
    assert (await control.ledger())["intents"] == 1


@pytest.mark.parametrize(
    ("fault", "problem", "effects"),
    [
        ("error_before", GatewayUnknown, 0),
        ("error_after", GatewayUnknown, 1),
        ("drop_before", GatewayUnknown, 0),
        ("drop_after", GatewayUnknown, 1),
        ("garbled", GatewayUnknown, 1),
        ("html", GatewayUnknown, 1),
        ("unavailable", GatewayUnknown, 0),
        ("rate_limit", GatewayUnreached, 0),
    ],
)
async def test_each_fault_is_one_call_and_one_of_five(
    gateway: StripeGateway,
    control: Control,
    fault: str,
    problem: type[Exception],
    effects: int,
) -> None:
    """A fault is never retried here, and is called failed only where nothing took effect. What is
    told of it repeats no body, which would hold the intent's client_secret."""
    await control.order_fault(fault, method="POST", path="/v1/payment_intents")
    payment = fresh_payment()

    with pytest.raises(problem) as raised:
        await create(gateway, payment)

    assert "client_secret" not in str(raised.value)
    assert "{" not in str(raised.value)
    ledger = await control.ledger()
    assert len(ledger["charges"]) == effects
    calls = ledger["calls"].get(payment.id, {"count": 0})
    assert calls["count"] <= 1


async def test_a_slow_answer_is_unknown(gateway: StripeGateway, control: Control) -> None:
    """No answer in time is not a failure: the charge is there."""
    await control.order_fault("hang_after", method="POST", seconds=3)

    request = create_request(gateway, fresh_payment())
    with pytest.raises(GatewayUnknown):
        await gateway.send_intent(ACCOUNT, request, key="slow-1", timeout_seconds=0.5)

    assert len((await control.ledger())["charges"]) == 1


async def test_a_refused_connection_reached_nothing() -> None:
    """Where nobody listens nothing took effect."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    gateway = StripeGateway(secret_key=SECRET_KEY, api_base=f"http://127.0.0.1:{port}")

    with pytest.raises(GatewayUnreached):
        await create(gateway, fresh_payment())

    await gateway.close()


async def test_a_wrong_key_is_unauthorized(sandbox_url: str) -> None:
    """Refused credentials are told apart, and the key is not in the message."""
    gateway = StripeGateway(secret_key="sk_nonsense_123456789", api_base=sandbox_url)

    with pytest.raises(GatewayUnauthorized) as refused:
        await create(gateway, fresh_payment())

    assert "nonsense" not in str(refused.value)
    await gateway.close()


async def test_a_wrong_state_is_refused_with_its_code(gateway: StripeGateway) -> None:
    """Capturing what is captured is refused, and Stripe's code is kept."""
    intent = await create(gateway, fresh_payment())
    payment = a_payment(gateway_payment_id=intent.gateway_payment_id)

    request = gateway.capture_request(payment, 10_000, application_fee=None)
    with pytest.raises(GatewayRefused) as refused:
        await gateway.send_intent(ACCOUNT, request, key="capture-2", timeout_seconds=5)

    assert refused.value.gateway_code == "payment_intent_unexpected_state"


async def test_a_reused_key_is_never_called_a_refusal(gateway: StripeGateway) -> None:
    """Another body under a used key means that something happened before: unknown, not failed."""
    payment = fresh_payment()
    await create(gateway, payment)

    with pytest.raises(GatewayUnknown):
        await create(gateway, payment, "pm_card_mastercard")
