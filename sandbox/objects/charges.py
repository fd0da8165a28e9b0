"""Charges on the wire."""

from sandbox.cards import Decline
from sandbox.models import Charge
from sandbox.objects.payment_methods import billing_details, charged_card
from sandbox.wire import Wire

DESCRIPTOR = "SANDBOX"
RISK_SCORES = {"normal": 12, "elevated": 65, "highest": 92}


def render(charge: Charge, application: str | None) -> Wire:
    """A charge as Stripe sends it; refunds are left out unless they are expanded."""
    decline = charge.card.decline if charge.status == "failed" else None
    return {
        "id": charge.id,
        "object": "charge",
        "amount": charge.amount,
        "amount_captured": charge.amount_captured,
        "amount_refunded": charge.amount_refunded,
        "application": application,
        "application_fee": charge.application_fee,
        "application_fee_amount": charge.application_fee_amount,
        "balance_transaction": charge.balance_transaction,
        "billing_details": billing_details({}),
        "calculated_statement_descriptor": charge.statement_descriptor or DESCRIPTOR,
        "captured": charge.captured,
        "created": charge.created,
        "currency": charge.currency,
        "customer": charge.customer,
        "description": charge.description,
        "disputed": charge.disputed,
        "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(charge.metadata),
        "on_behalf_of": None,
        "outcome": _outcome(charge, decline),
        "paid": charge.status == "succeeded",
        "payment_intent": charge.payment_intent,
        "payment_method": charge.payment_method,
        "payment_method_details": charged_card(charge),
        "radar_options": {},
        "receipt_email": charge.receipt_email,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": charge.amount_refunded == charge.amount,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": charge.statement_descriptor,
        "statement_descriptor_suffix": charge.statement_descriptor_suffix,
        "status": charge.status,
        "transfer_data": None,
        "transfer_group": charge.transfer_group,
    }


def _outcome(charge: Charge, decline: Decline | None) -> Wire | None:
    if charge.status == "pending":
        return None
    network_status, reason, message, type_ = _verdict(charge, decline)
    return {
        "advice_code": decline.advice_code if decline else None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network_status,
        "reason": reason,
        "risk_level": charge.card.risk_level,
        "risk_score": RISK_SCORES[charge.card.risk_level],
        "seller_message": message,
        "type": type_,
    }


def _verdict(charge: Charge, decline: Decline | None) -> tuple[str, str | None, str, str]:
    """Network status, reason, message to the seller, and type of outcome."""
    if decline is None:
        return "approved_by_network", None, "Payment complete.", "authorized"
    if charge.card.risk_level == "highest":
        message = "Stripe blocked this payment as too risky."
        return "not_sent_to_network", "highest_risk_level", message, "blocked"
    reason = decline.decline_code or decline.code
    message = f"The bank returned the decline code `{reason}`."
    if reason == "generic_decline":
        message = "The bank did not return any further details with this decline."
    return "declined_by_network", reason, message, "issuer_declined"
