"""Payment methods and the card part of a charge."""

from sandbox.cards import EXP_MONTH, EXP_YEAR, Card
from sandbox.models import Charge, PaymentMethod
from sandbox.wire import Wire

CHECKS: Wire = {
    "address_line1_check": None,
    "address_postal_code_check": None,
    "cvc_check": "pass",
}


def render(method: PaymentMethod) -> Wire:
    """A payment method as Stripe sends it."""
    return {
        "id": method.id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(method.billing),
        "card": _card(method.card),
        "created": method.created,
        "customer": method.customer,
        "customer_account": None,
        "livemode": False,
        "metadata": dict(method.metadata),
        "type": "card",
    }


def billing_details(given: dict[str, str]) -> Wire:
    """Whom the card belongs to, as far as the caller said."""
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {
        "address": address,
        "email": given.get("email"),
        "name": given.get("name"),
        "phone": given.get("phone"),
        "tax_id": None,
    }


def fingerprint(card: Card) -> str:
    """The same for every payment method of one card."""
    return f"{card.brand[:4].ljust(4, 'x')}{card.funding[:6].ljust(6, 'x')}{card.last4}Fp"


def _card(card: Card) -> Wire:
    return {
        "brand": card.brand,
        "checks": dict(CHECKS),
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": EXP_MONTH,
        "exp_year": EXP_YEAR,
        "fingerprint": fingerprint(card),
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def charged_card(charge: Charge) -> Wire:
    """``payment_method_details`` of a charge."""
    card = charge.card
    details: Wire = {
        "amount_authorized": charge.amount if charge.status != "failed" else None,
        "authorization_code": charge.id[-6:].upper() if charge.status != "failed" else None,
        "brand": card.brand,
        "checks": dict(CHECKS),
        "country": card.country,
        "exp_month": EXP_MONTH,
        "exp_year": EXP_YEAR,
        "extended_authorization": {"status": "disabled"},
        "fingerprint": fingerprint(card),
        "funding": card.funding,
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card.last4,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card.brand,
        "network_token": {"used": False},
        "network_transaction_id": charge.id.removeprefix("ch_")[:15],
        "overcapture": {"maximum_amount_capturable": charge.amount, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": _three_d_secure() if charge.authenticated else None,
        "wallet": None,
    }
    if charge.capture_before is not None:
        details["capture_before"] = charge.capture_before
    return {"card": details, "type": "card"}


def _three_d_secure() -> Wire:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": "00000000-0000-4000-8000-000000000000",
        "version": "2.2.0",
    }
