"""Every request that Tollgate sends to Stripe, held against Stripe's own description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from domain.gateways import stripe_requests
from domain.operation import GatewayRequest
from domain.payment import CaptureMethod
from domain.refund import RefundReason
from tests.builders import a_paid_payment, a_payment, a_refund
from tests.e2e.sandbox import openapi, refusals

INTENT = "/v1/payment_intents/{intent}"
AUTHORIZED = a_payment(gateway_payment_id="pi_3abc", capture_method=CaptureMethod.MANUAL)
FULL = a_payment(metadata={"cart": "7"})


def create(**changes: Any) -> GatewayRequest:
    """A request that creates an intent."""
    arguments: dict[str, Any] = {
        "payment_method_ref": "pm_card_visa",
        "return_url": None,
        "application_fee": None,
    }
    return stripe_requests.create_intent(FULL, **arguments | changes)


REQUESTS = {
    "charge": ("/v1/payment_intents", create()),
    "charge with a way back": (
        "/v1/payment_intents",
        create(return_url="https://shop.example/back"),
    ),
    "charge on a connected account": ("/v1/payment_intents", create(application_fee=300)),
    "capture": (
        f"{INTENT}/capture",
        stripe_requests.capture(AUTHORIZED, 6_000, application_fee=180),
    ),
    "cancel": (f"{INTENT}/cancel", stripe_requests.cancel(AUTHORIZED, abandoned=False)),
    "close": (f"{INTENT}/cancel", stripe_requests.cancel(AUTHORIZED, abandoned=True)),
} | {
    f"refund, {reason.lower()}": (
        "/v1/refunds",
        stripe_requests.refund(a_paid_payment(), a_refund(reason=reason)),
    )
    for reason in RefundReason
}


def as_form(value: object) -> refusals.Value:
    """A value as the library's form encoding carries it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return {name: as_form(child) for name, child in value.items()}
    if isinstance(value, list | tuple):
        return [as_form(child) for child in value]
    return str(value)


@pytest.mark.parametrize(("template", "request_"), REQUESTS.values(), ids=list(REQUESTS))
def test_a_request_is_as_stripe_describes_it(template: str, request_: GatewayRequest) -> None:
    """Each parameter is one that Stripe knows, with a value that it takes; none is missing."""
    if reason := openapi.absence():
        pytest.skip(reason)
    operation = openapi.description()["paths"][template]["post"]
    schema = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]

    for name, value in request_.parameters.items():
        assert name in schema["properties"], name
        assert refusals.accepts(schema["properties"][name], as_form(value)), name
    assert set(schema.get("required", [])) <= set(request_.parameters)


def test_a_fee_of_nothing_is_left_out() -> None:
    """Stripe refuses a fee of 0, so that it is not sent."""
    assert "application_fee_amount" not in create(application_fee=0).parameters
    assert create(application_fee=1).parameters["application_fee_amount"] == 1


def test_a_caller_cannot_speak_in_our_name() -> None:
    """Whatever the caller's metadata says, our ids are ours."""
    payment = a_payment(metadata={"tollgate_payment_id": "pay_forged"})
    request = stripe_requests.create_intent(
        payment, payment_method_ref="pm_card_visa", return_url=None, application_fee=None
    )

    metadata = request.parameters["metadata"]
    assert isinstance(metadata, dict)
    assert metadata["tollgate_payment_id"] == payment.id


@pytest.mark.parametrize(
    ("currency", "total", "sent"), [("JPY", 500, 500), ("ISK", 500, 50_000), ("KWD", 1_230, 1_230)]
)
def test_amounts_are_sent_as_stripe_counts(currency: str, total: int, sent: int) -> None:
    """Minor units of ISO 4217 become the gateway's own count."""
    payment = a_payment(currency=currency, total=total)
    request = stripe_requests.create_intent(
        payment, payment_method_ref="pm_card_visa", return_url=None, application_fee=None
    )

    assert request.parameters["amount"] == sent
    assert request.parameters["currency"] == currency.lower()


def test_nothing_is_asked_of_an_intent_that_is_not_known() -> None:
    """Without the gateway's id there is no path to capture, cancel or refund at."""
    with pytest.raises(ValueError, match="no intent"):
        stripe_requests.capture(a_payment(), 1, application_fee=None)
