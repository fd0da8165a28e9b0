"""The same objects as older API versions send them: an endpoint keeps the version that it was made
with, and the payload has the endpoint's shape, not the one that our calls are pinned to.

What changed when, by Stripe's changelog (docs.stripe.com/changelog):
- 2019-02-19: an account's `legal_entity`, `verification` and others became `company`,
  `requirements` and `settings`;
- 2022-11-15: `charges` left the PaymentIntent for `latest_charge`, `refunds` left the charge;
- 2024-04-10: capture became asynchronous by default; before, the balance transaction was there;
- 2024-10-28: `refund.created`, `.updated` and `.failed` came for every refund; before, only for
  those without a charge, the others being told of by `charge.refund.updated` alone;
- 2025-03-31: `invoice` left PaymentIntents and charges. Fields that came with no version stand in
  older payloads too; those below are left out, as a payload of their time has none.
"""

from __future__ import annotations

from collections.abc import Iterable

from tests.events import accounts, charges, disputes, payment_intents
from tests.events.facts import EMAIL, Facts, Json

VERSION = "2022-08-01"
"""The last one with charges in intents and refunds in charges."""

ACCOUNT_VERSION = "2018-11-08"
"""The last one with `legal_entity` in accounts."""

_CARD_FEATURES = (
    *("amount_authorized", "authorization_code", "extended_authorization"),
    *("incremental_authorization", "multicapture", "network_token", "network_transaction_id"),
    *("overcapture", "regulated_status"),
)


def payment_intent(facts: Facts, status: str) -> Json:
    """The intent with its charges in it and no `latest_charge`."""
    intent = _without(
        payment_intents.payment_intent(facts, status),
        *("latest_charge", "customer_account", "excluded_payment_method_types"),
        *("payment_method_configuration_details", "automatic_payment_methods"),
    )
    attempted = status not in payment_intents.WAITING or status == "requires_payment_method"
    charged = [_charge_within(facts, status)] if attempted else []
    return intent | {
        "capture_method": "manual" if facts.manual else "automatic",
        "charges": _list(charged, f"/v1/charges?payment_intent={facts.intent}"),
        "invoice": None,
        "source": None,
    }


def _charge_within(facts: Facts, status: str) -> Json:
    failed = status == "requires_payment_method"
    taken = status == "succeeded"
    return charge(facts, status="failed" if failed else "succeeded", captured=taken)


def charge(facts: Facts, *, status: str = "succeeded", captured: bool = True) -> Json:
    """The charge with its refunds in it, and its balance transaction at once."""
    made = charges.charge(facts, status=status, captured=captured)
    details = made["payment_method_details"]
    assert isinstance(details, dict)
    refunded = [refund(facts, amount=facts.refunded)] if facts.refunded else []
    return _without(made, "radar_options", "failure_balance_transaction") | {
        "balance_transaction": facts.transaction if captured else None,
        "destination": None,
        "dispute": None,
        "invoice": None,
        "order": None,
        "payment_method_details": {
            **details,
            "card": _without(details["card"], *_CARD_FEATURES),
        },
        "refunds": _list(refunded, f"/v1/charges/{facts.charge}/refunds"),
        "source": None,
    }


def refund(facts: Facts, *, status: str = "succeeded", amount: int | None = None) -> Json:
    """The refund without where it went and why it waits."""
    made = charges.refund(facts, status=status)
    old = _without(made, "destination_details", "pending_reason", "payment_method")
    return old | {"amount": facts.refund_amount if amount is None else amount}


def refund_without_charge(facts: Facts, *, status: str = "succeeded") -> Json:
    """A refund of a customer's cash balance, the only kind that `refund.*` told of."""
    made = refund(facts, status=status)
    return made | {
        "charge": None,
        "customer": facts.customer,
        "metadata": {},
        "payment_intent": None,
    }


def dispute(facts: Facts, *, status: str = "needs_response", withdrawn: bool = True) -> Json:
    """The dispute with the reason code of the network outside, and one transaction named beside."""
    made = disputes.dispute(facts, status=status, withdrawn=withdrawn)
    details, proofs = made["evidence_details"], made["evidence"]
    moved = made["balance_transactions"]
    assert isinstance(details, dict)
    assert isinstance(proofs, dict)
    assert isinstance(moved, list)
    left_out = ("enhanced_eligibility_types", "payment_method_details")
    return _without(made, *left_out) | {
        "balance_transaction": moved[0]["id"] if moved else None,
        "evidence": _without(proofs, "enhanced_evidence"),
        "evidence_details": _without(details, "enhanced_eligibility"),
        "network_reason_code": "10.4",
    }


def account(facts: Facts) -> Json:
    """The account with its legal entity and what of it is not verified."""
    made = accounts.account(facts)
    entity: Json = {
        "additional_owners": [],
        "address": {"city": "San Francisco", "country": "US", "postal_code": "94080"},
        "business_name": "Kofferhaus am Hafen",
        "business_tax_id_provided": True,
        "dob": {"day": 9, "month": 12, "year": 1906},
        "first_name": "Grace",
        "last_name": "Hopper",
        "personal_id_number_provided": False,
        "ssn_last_4_provided": True,
        "type": "company",
        "verification": {
            "details": None,
            "details_code": None,
            "document": None,
            "status": "unverified",
        },
    }
    old = _without(made, "business_profile", "business_type", "capabilities", "controller")
    old = _without(old, "future_requirements", "requirements", "settings")
    return old | {
        "business_logo": None,
        "business_name": "Kofferhaus am Hafen",
        "business_url": "https://koffer.example",
        "debit_negative_balances": True,
        "decline_charge_on": {"avs_failure": False, "cvc_failure": True},
        "display_name": "Kofferhaus",
        "keys": None,
        "legal_entity": entity,
        "payout_schedule": {"delay_days": 7, "interval": "daily"},
        "product_description": "Koffer und Taschen",
        "statement_descriptor": "KOFFERHAUS",
        "support_email": EMAIL,
        "timezone": "Europe/Berlin",
        "verification": {
            "disabled_reason": None if facts.charges_enabled else "rejected.fraud",
            "due_by": None,
            "fields_needed": ["legal_entity.verification.document", "external_account"],
        },
    }


def _list(objects: Iterable[Json], url: str) -> Json:
    data = list(objects)
    return {
        "object": "list",
        "data": data,
        "has_more": False,
        "total_count": len(data),
        "url": url,
    }


def _without(made: Json, *names: str) -> Json:
    return {name: value for name, value in made.items() if name not in names}
