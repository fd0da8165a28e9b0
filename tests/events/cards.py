"""The card in its three places: the payment method, the charge, and the failed attempt."""

from __future__ import annotations

from tests.events.facts import EMAIL, PHONE, Facts, Json, address

LAST4 = "4242"
FINGERPRINT = "Xt5EWLLDS7FJjR1c"


def checks() -> Json:
    """What the issuer said of the address and the security code."""
    return {
        "address_line1_check": "pass",
        "address_postal_code_check": "pass",
        "cvc_check": "pass",
    }


def billing_details() -> Json:
    """Who pays."""
    return {
        "address": address(),
        "email": EMAIL,
        "name": "Jenny Rosen",
        "phone": PHONE,
        "tax_id": None,
    }


def payment_method(facts: Facts) -> Json:
    """The whole payment method, as the error of a declined attempt holds it."""
    return {
        "id": facts.method,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(),
        "card": {
            "brand": "visa",
            "checks": checks(),
            "country": "US",
            "display_brand": "visa",
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": FINGERPRINT,
            "funding": "credit",
            "generated_from": None,
            "last4": LAST4,
            "networks": {"available": ["visa"], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": facts.created - 40,
        "customer": facts.customer,
        "customer_account": None,
        "livemode": facts.livemode,
        "metadata": {},
        "type": "card",
    }


def charged(facts: Facts, *, failed: bool) -> Json:
    """`payment_method_details` of a charge."""
    return {"card": {**_attempt(facts, failed=failed), **_features(facts)}, "type": "card"}


def _attempt(facts: Facts, *, failed: bool) -> Json:
    return {
        "amount_authorized": None if failed else facts.amount,
        "authorization_code": None if failed else "301882",
        "brand": "visa",
        "checks": checks(),
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": FINGERPRINT,
        "funding": "credit",
        "installments": None,
        "last4": LAST4,
        "mandate": None,
        "network": "visa",
        "network_token": {"used": False},
        "network_transaction_id": "976910110049114",
        "regulated_status": "unregulated",
        "three_d_secure": {
            "authentication_flow": "challenge",
            "electronic_commerce_indicator": "05",
            "exemption_indicator": None,
            "result": "authenticated",
            "result_reason": None,
            "transaction_id": "4bd7b6a1-57d5-44fb-8a38-a3b5b7f1b1c4",
            "version": "2.2.0",
        },
        "wallet": None,
    }


def _features(facts: Facts) -> Json:
    features: Json = {
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "multicapture": {"status": "unavailable"},
        "overcapture": {
            "maximum_amount_capturable": facts.amount,
            "status": "unavailable",
        },
    }
    if facts.manual:
        features["capture_before"] = facts.created + 7 * 86_400
    return features
