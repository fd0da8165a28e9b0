"""Charges on the wire."""

from sandbox.cards import Decline
from sandbox.models import Charge
from sandbox.objects.payment_methods import billing_details, charged_card
from sandbox.wire import Wire

DESCRIPTOR = "SANDBOX"


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
    return {
        "advice_code": decline.advice_code if decline else None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if decline else "approved_by_network",
        "reason": decline.decline_code if decline else None,
        "risk_level": charge.card.risk_level,
        "risk_score": 65 if charge.card.risk_level == "elevated" else 12,
        "seller_message": _seller_message(decline),
        "type": "issuer_declined" if decline else "authorized",
    }


def _seller_message(decline: Decline | None) -> str:
    if decline is None:
        return "Payment complete."
    if decline.decline_code == "generic_decline":
        return "The bank did not return any further details with this decline."
    return f"The bank returned the decline code `{decline.decline_code}`."
