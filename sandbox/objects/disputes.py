"""Disputes on the wire."""

from sandbox.models import Dispute
from sandbox.objects import balance_transactions
from sandbox.wire import Wire

RESPONSE_SECONDS = 8 * 24 * 3600
INQUIRY_STATUSES = frozenset(("warning_needs_response", "warning_under_review"))
CLOSED_STATUSES = frozenset(("won", "lost", "warning_closed", "prevented"))
EVIDENCE_NAMES = (
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure "
    "cancellation_rebuttal customer_communication customer_email_address customer_name "
    "customer_purchase_ip customer_signature duplicate_charge_documentation "
    "duplicate_charge_explanation duplicate_charge_id product_description receipt refund_policy "
    "refund_policy_disclosure refund_refusal_explanation service_date service_documentation "
    "shipping_address shipping_carrier shipping_date shipping_documentation "
    "shipping_tracking_number uncategorized_file uncategorized_text"
)


def is_charge_refundable(dispute: Dispute) -> bool:
    """Whether the payment may still be refunded: in an inquiry, or once the money is back."""
    return not dispute.withdrawn and dispute.status != "lost"


def render(dispute: Dispute) -> Wire:
    """A dispute as Stripe sends it."""
    due_by = (dispute.created + RESPONSE_SECONDS) // 86400 * 86400 + 86399
    return {
        "id": dispute.id,
        "object": "dispute",
        "amount": dispute.amount,
        "balance_transactions": [
            balance_transactions.render(each) for each in dispute.balance_transactions
        ],
        "charge": dispute.charge,
        "created": dispute.created,
        "currency": dispute.currency,
        "enhanced_eligibility_types": [],
        "evidence": _evidence(dispute),
        "evidence_details": {
            "due_by": due_by,
            "enhanced_eligibility": {},
            "has_evidence": bool(dispute.evidence),
            "past_due": False,
            "submission_count": dispute.submission_count,
        },
        "is_charge_refundable": is_charge_refundable(dispute),
        "livemode": False,
        "metadata": dict(dispute.metadata),
        "payment_intent": dispute.payment_intent,
        "payment_method_details": {
            "card": {
                "brand": dispute.brand,
                "case_type": dispute.case_type,
                "network": dispute.brand,
                "network_reason_code": dispute.network_reason_code,
            },
            "type": "card",
        },
        "reason": dispute.reason,
        "status": dispute.status,
    }


def _evidence(dispute: Dispute) -> Wire:
    evidence: Wire = {name: dispute.evidence.get(name) for name in EVIDENCE_NAMES.split()}
    evidence["enhanced_evidence"] = {}
    return evidence
