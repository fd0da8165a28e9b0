"""PaymentIntents as API version 2026-10-28.endive sends them
(docs.stripe.com/api/payment_intents/object)."""

from __future__ import annotations

from tests.events.cards import payment_method
from tests.events.facts import EMAIL, PHONE, Facts, Json, address, metadata

WAITING = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})


def payment_intent(facts: Facts, status: str) -> Json:
    """The intent in this status, with amounts that go with it."""
    return {
        "id": facts.intent,
        "object": "payment_intent",
        **_amounts(facts, status),
        **_closing(facts, status),
        "client_secret": facts.client_secret,
        "confirmation_method": "automatic",
        "created": facts.created,
        "currency": facts.currency,
        "customer": facts.customer,
        "customer_account": None,
        "description": "Bestellung A-731: 2 × Überseekoffer, 1 × Schloss",
        "excluded_payment_method_types": None,
        "last_payment_error": _error(facts) if status == "requires_payment_method" else None,
        "latest_charge": None if status in WAITING - {"requires_payment_method"} else facts.charge,
        "livemode": facts.livemode,
        "metadata": metadata(facts),
        "next_action": next_action(facts) if status == "requires_action" else None,
        "on_behalf_of": None,
        "payment_method": None if status == "requires_payment_method" else facts.method,
        "payment_method_configuration_details": None,
        "payment_method_options": _options(),
        "payment_method_types": ["card"],
        "processing": {"card": {}, "type": "card"} if status == "processing" else None,
        "receipt_email": EMAIL,
        "review": None,
        "setup_future_usage": None,
        "shipping": shipping(),
        "statement_descriptor": None,
        "statement_descriptor_suffix": "A-731",
        "status": status,
        "transfer_data": None,
        "transfer_group": "group_A-731",
    }


def _amounts(facts: Facts, status: str) -> Json:
    return {
        "amount": facts.amount,
        "amount_capturable": facts.amount if status == "requires_capture" else 0,
        "amount_details": {"tip": {}},
        "amount_received": facts.captured if status == "succeeded" else 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": {"allow_redirects": "never", "enabled": True},
        "capture_method": "manual" if facts.manual else "automatic_async",
    }


def _closing(facts: Facts, status: str) -> Json:
    canceled = status == "canceled"
    return {
        "canceled_at": facts.created + 600 if canceled else None,
        "cancellation_reason": "requested_by_customer" if canceled else None,
    }


def shipping() -> Json:
    """Where the goods go."""
    return {
        "address": address(),
        "carrier": "DHL",
        "name": "Jenny Rosen",
        "phone": PHONE,
        "tracking_number": "00340434161094021501",
    }


def next_action(facts: Facts) -> Json:
    """3-D Secure for Stripe's own script: a client secret stands in the address of a page."""
    page = "https://hooks.stripe.com/redirect/authenticate"
    source = facts.charge.replace("ch_", "src_")
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {
            "directory_server_encryption": {
                "algorithm": "RSA",
                "certificate": "MIIGAzCCA+ugAwIBAgIQDaAlB1IbPwgx5esGu9tLIjAN" * 12,
                "directory_server_id": "A000000003",
                "key_id": "7c4debe3f4af7f9d1569a2ffea4343c2566826ee",
            },
            "merchant": facts.account,
            "one_click_authn": None,
            "server_transaction_id": "08b4d1d6-ac38-4ba4-a0ad-bd9ea8dbb5a1",
            "stripe_js": f"{page}/{source}?client_secret={source}_secret_{facts.intent[3:]}",
            "three_d_secure_2_source": source,
            "three_ds_method_url": "",
            "type": "three_d_secure_redirect",
        },
    }


def _error(facts: Facts) -> Json:
    return {
        "advice_code": "try_again_later",
        "charge": facts.charge,
        "code": "card_declined",
        "decline_code": "generic_decline",
        "doc_url": "https://stripe.com/docs/error-codes/card-declined",
        "message": "Your card was declined.",
        "payment_method": payment_method(facts),
        "type": "card_error",
    }


def _options() -> Json:
    return {
        "card": {
            "installments": None,
            "mandate_options": None,
            "network": None,
            "request_three_d_secure": "automatic",
        }
    }
