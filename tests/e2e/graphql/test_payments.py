"""The main job over HTTP: orders opened, paid, captured, refunded and canceled."""

from __future__ import annotations

from tests.e2e.graphql.merchant import Merchant, eventually


def test_a_quote_is_the_price_that_is_charged(merchant: Merchant) -> None:
    """100.00 at Starter: 3.00 to the platform, 3.20 to the gateway, 93.80 kept, both times."""
    quote = merchant.query(
        """{ feeQuote(amountCents: 10000, currency: "USD") {
            platformFee { decimal } gatewayFeeEstimate { decimal } netAmount { decimal } } }"""
    )["feeQuote"]
    payment = merchant.query(
        """query ($id: ID!) { payment(id: $id) {
            platformFee { decimal } gatewayFee { decimal } netAmount { decimal } } }""",
        id=merchant.paid("chargePayment"),
    )["payment"]

    assert quote == {
        "platformFee": {"decimal": "3.00"},
        "gatewayFeeEstimate": {"decimal": "3.20"},
        "netAmount": {"decimal": "93.80"},
    }
    assert payment == {
        "platformFee": {"decimal": "3.00"},
        "gatewayFee": {"decimal": "3.20"},
        "netAmount": {"decimal": "93.80"},
    }


def test_an_authorized_payment_is_captured_in_part_and_refunded(merchant: Merchant) -> None:
    """Authorize 100.00, capture 60.00, refund 20.00, then the rest; the order follows."""
    payment_id = merchant.paid("authorizePayment")
    captured = merchant.do("capturePayment", paymentId=payment_id, amountCents=6_000)
    partly = merchant.do("refundPayment", paymentId=payment_id, amountCents=2_000)
    fully = merchant.do("refundPayment", paymentId=payment_id)

    assert captured["payment"]["status"] == "PAID"
    assert captured["payment"]["capturedAmount"] == {"amountCents": 6_000}
    assert captured["payment"]["order"]["status"] == "PARTIALLY_PAID"
    assert partly["payment"]["refundStatus"] == "PARTIAL"
    assert fully["payment"]["refundStatus"] == "FULL"
    assert fully["payment"]["order"]["status"] == "REFUNDED"
    assert fully["payment"]["availableActions"] == []


def test_an_authorized_payment_is_canceled_and_the_order_closed(merchant: Merchant) -> None:
    """A canceled payment gives its amount back, and the order can be closed."""
    payment_id = merchant.paid("authorizePayment")
    canceled = merchant.do("cancelPayment", paymentId=payment_id)
    order = canceled["payment"]["order"]
    closed = merchant.do("cancelOrder", orderId=order["id"])

    assert canceled["payment"]["status"] == "CANCELED"
    assert order["remainingAmount"] == {"amountCents": 10_000}
    assert closed["order"]["status"] == "CANCELED"


def test_the_same_key_is_the_same_payment(merchant: Merchant) -> None:
    """The same call again answers with the payment of the first, and says so."""
    order_id, key = merchant.order(), merchant.key()
    first = merchant.pay("chargePayment", order_id, idempotencyKey=key)
    calls = merchant.calls()
    second = merchant.pay("chargePayment", order_id, idempotencyKey=key)

    assert (first["replayed"], second["replayed"]) == (False, True)
    assert second["payment"] == first["payment"]
    assert merchant.calls() == calls


def test_a_declined_card_leaves_the_order_to_be_paid(merchant: Merchant) -> None:
    """A decline is data with the stored payment; once its intent is closed another card pays."""
    order_id, key = merchant.order(), merchant.key()
    card = "pm_card_visa_chargeDeclinedInsufficientFunds"
    declined = merchant.pay("chargePayment", order_id, card, idempotencyKey=key)
    replayed = merchant.pay("chargePayment", order_id, card, idempotencyKey=key)

    assert declined["__typename"] == replayed["__typename"] == "PaymentDeclinedError"
    assert declined["declineCode"] == "insufficient_funds"
    assert declined["payment"]["status"] == "FAILED"
    assert replayed["payment"]["id"] == declined["payment"]["id"]
    eventually(lambda: merchant.pay("chargePayment", order_id)["__typename"] == "PaymentSuccess")


def test_a_3d_secure_card_waits_for_the_payer(merchant: Merchant) -> None:
    """A card that asks for 3-D Secure is a success with a next action."""
    started = merchant.pay(
        "chargePayment",
        merchant.order(),
        "pm_card_threeDSecureRequired",
        returnUrl="https://shop.example/return",
    )
    action = merchant.query(
        "query ($id: ID!) { payment(id: $id) { nextAction { type redirectUrl clientSecret } } }",
        id=started["payment"]["id"],
    )["payment"]["nextAction"]

    assert started["payment"]["status"] == "REQUIRES_ACTION"
    assert action["type"] == "redirect_to_url"
    assert action["redirectUrl"].startswith("http")
    assert "_secret_" in action["clientSecret"]


def test_a_shopper_pays_its_own_order(merchant: Merchant) -> None:
    """A CHECKOUT token pays its order and reads it; another order is not found, fees are closed."""
    own, other = merchant.order(), merchant.order()
    token = merchant.checkout_token(own)
    method = {"type": "CARD", "token": "pm_card_visa"}
    paid = merchant.do("chargePayment", token=token, orderId=own, paymentMethod=method)
    refused = merchant.do("chargePayment", token=token, orderId=other, paymentMethod=method)
    fees = merchant.ask(
        "query ($id: ID!) { payment(id: $id) { id netAmount { decimal } } }",
        token=token,
        id=paid["payment"]["id"],
    )

    assert paid["payment"]["status"] == "PAID"
    assert refused["__typename"] == "NotFoundError"
    assert fees.codes == ["FORBIDDEN"]


def test_a_payment_tells_its_story(merchant: Merchant) -> None:
    """The timeline has the charge and its outcome, newest first, and counts itself."""
    payment = merchant.query(
        """query ($id: ID!) { payment(id: $id) { timeline {
            totalCount nodes { status source actor message createdAt } } } }""",
        id=merchant.paid("chargePayment"),
    )["payment"]
    nodes = payment["timeline"]["nodes"]

    assert payment["timeline"]["totalCount"] == len(nodes) >= 2
    assert nodes[-1]["status"] == "PENDING"
    assert nodes[0]["status"] == "PAID"
    assert nodes[-1]["actor"] == "server"
