"""Disputes of API version 2026-10-28.endive (docs.stripe.com/api/disputes/object)."""

from __future__ import annotations

from tests.events.facts import EMAIL, Facts, Json

TEXTS = (
    *("access_activity_log", "billing_address", "cancellation_policy"),
    *("cancellation_policy_disclosure", "cancellation_rebuttal", "customer_communication"),
    *("customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature"),
    *("duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id"),
    *("product_description", "receipt", "refund_policy", "refund_policy_disclosure"),
    *("refund_refusal_explanation", "service_date", "service_documentation", "shipping_address"),
    *("shipping_carrier", "shipping_date", "shipping_documentation", "shipping_tracking_number"),
    *("uncategorized_file", "uncategorized_text"),
)
CLOSED = frozenset({"won", "lost", "warning_closed", "prevented"})


def dispute(facts: Facts, *, status: str = "needs_response", withdrawn: bool = True) -> Json:
    """The dispute; `withdrawn` says whether the money has left."""
    inquiry = status.startswith("warning_")
    moved = [_withdrawal(facts)] if withdrawn or status in ("won", "lost") else []
    if status == "won":
        moved.append(_reinstatement(facts))
    return {
        "id": facts.dispute,
        "object": "dispute",
        "amount": facts.dispute_amount,
        "balance_transactions": moved,
        "charge": facts.charge,
        "created": facts.created + 86_400,
        "currency": facts.currency,
        "enhanced_eligibility_types": [],
        "evidence": evidence(),
        "evidence_details": {
            "due_by": facts.created + 9 * 86_400,
            "enhanced_eligibility": {},
            "has_evidence": True,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry or status == "won",
        "livemode": facts.livemode,
        "metadata": {},
        "payment_intent": facts.intent,
        "payment_method_details": {
            "card": {
                "brand": "visa",
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": "visa",
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": "fraudulent",
        "status": status,
    }


def evidence() -> Json:
    """What the merchant has gathered so far: a payer's data among it."""
    given: Json = dict.fromkeys(TEXTS)
    given |= {
        "access_activity_log": "2026-11-20 10:02:11 login\n2026-11-20 10:05:40 order A-731\n" * 8,
        "billing_address": "354 Oyster Point Blvd, South San Francisco, CA, 94080, US",
        "customer_email_address": EMAIL,
        "customer_name": "Jenny Rosen",
        "customer_purchase_ip": "203.0.113.17",
        "product_description": "Zwei Überseekoffer aus Leder, handgenäht, und ein Schloss.",
        "shipping_carrier": "DHL",
        "shipping_tracking_number": "00340434161094021501",
    }
    given["enhanced_evidence"] = {}
    return given


def _withdrawal(facts: Facts) -> Json:
    return _moved(facts, "w", -facts.dispute_amount, 1_500, "dispute", "Chargeback withdrawal")


def _reinstatement(facts: Facts) -> Json:
    return _moved(facts, "b", facts.dispute_amount, 0, "dispute_reversal", "Chargeback reversal")


def _moved(facts: Facts, end: str, amount: int, fee: int, category: str, words: str) -> Json:
    detail: Json = {
        "amount": fee,
        "application": None,
        "currency": facts.currency,
        "description": "Dispute fee",
        "type": "stripe_fee",
    }
    return {
        "id": f"{facts.transaction}{end}",
        "object": "balance_transaction",
        "amount": amount,
        "available_on": facts.created + 3 * 86_400,
        "balance_type": "payments",
        "created": facts.created + 86_400,
        "currency": facts.currency,
        "description": f"{words} for {facts.charge}",
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [detail] if fee else [],
        "net": amount - fee,
        "reporting_category": category,
        "source": facts.dispute,
        "status": "pending",
        "type": "adjustment",
    }
