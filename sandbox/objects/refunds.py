"""Refunds on the wire."""

from sandbox.models import Refund
from sandbox.wire import Wire


def render(refund: Refund) -> Wire:
    """A refund as Stripe sends it."""
    wire: Wire = {
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "balance_transaction": refund.balance_transaction,
        "charge": refund.charge,
        "created": refund.created,
        "currency": refund.currency,
        "destination_details": _destination(refund),
        "metadata": dict(refund.metadata),
        "payment_intent": refund.payment_intent,
        "reason": refund.reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": refund.status,
        "transfer_reversal": None,
    }
    if refund.failure_reason:
        wire["failure_reason"] = refund.failure_reason
    if refund.failure_balance_transaction:
        wire["failure_balance_transaction"] = refund.failure_balance_transaction
    if refund.status == "pending":
        wire["pending_reason"] = "processing"
    return wire


def _destination(refund: Refund) -> Wire:
    if refund.released:
        return {"card": {"type": "reversal"}, "type": "card"}
    if refund.status == "pending":
        return {"card": {"type": "pending"}, "type": "card"}
    card: Wire = {
        "reference_status": "pending",
        "reference_type": "acquirer_reference_number",
        "type": "refund",
    }
    return {"card": card, "type": "card"}
