"""Application fees and their refunds on the wire."""

from sandbox.models import ApplicationFee, FeeRefund
from sandbox.wire import Wire


def render(fee: ApplicationFee) -> Wire:
    """An application fee as the platform sees it, newest refunds first."""
    refunds = [render_refund(refund) for refund in reversed(fee.refunds)]
    return {
        "id": fee.id,
        "object": "application_fee",
        "account": fee.payer,
        "amount": fee.amount,
        "amount_refunded": fee.amount_refunded,
        "application": fee.application,
        "balance_transaction": fee.balance_transaction,
        "charge": fee.charge,
        "created": fee.created,
        "currency": fee.currency,
        "fee_source": {"charge": fee.charge, "type": "charge"},
        "livemode": False,
        "originating_transaction": None,
        "refunded": fee.amount_refunded == fee.amount,
        "refunds": {
            "object": "list",
            "data": refunds[:10],
            "has_more": len(refunds) > 10,
            "url": f"/v1/application_fees/{fee.id}/refunds",
        },
    }


def render_refund(refund: FeeRefund) -> Wire:
    """A fee refund as Stripe sends it."""
    return {
        "id": refund.id,
        "object": "fee_refund",
        "amount": refund.amount,
        "balance_transaction": refund.balance_transaction,
        "created": refund.created,
        "currency": refund.currency,
        "fee": refund.fee,
        "metadata": dict(refund.metadata),
    }
