"""Disputes for the stores, with none and with every field set."""

from dataclasses import replace
from datetime import timedelta

from domain.dispute import Dispute, DisputeFunds, DisputeStatus
from domain.ids import Prefix, new_id
from domain.payment import Payment
from tests.integration.db.builders import NOW


def a_dispute(payment: Payment) -> Dispute:
    """An inquiry about the payment, of which no money is known."""
    dispute_id = new_id(Prefix.DISPUTE)
    return Dispute(
        id=dispute_id,
        tenant_id=payment.tenant_id,
        payment_id=payment.id,
        gateway_dispute_id=f"du_{dispute_id}",
        status=DisputeStatus.INQUIRY,
        reason="fraudulent",
        amount=9_000,
        currency=payment.currency,
        is_charge_refundable=True,
        created_at=NOW,
        updated_at=NOW,
    )


def a_full_dispute(payment: Payment) -> Dispute:
    """A dispute in which no field has its default."""
    return replace(
        a_dispute(payment),
        status=DisputeStatus.WON,
        is_charge_refundable=False,
        evidence_due_at=NOW + timedelta(days=8),
        closed_at=NOW + timedelta(days=60),
        funds=DisputeFunds("EUR", 8_200, 8_100, 1_500),
    )
