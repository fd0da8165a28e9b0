"""Balance transactions on the wire."""

from sandbox.models import BalanceTransaction, FeeDetail
from sandbox.wire import Wire

AVAILABLE_AFTER_SECONDS = 2 * 24 * 3600


def render(transaction: BalanceTransaction) -> Wire:
    """A balance transaction as Stripe sends it."""
    return {
        "id": transaction.id,
        "object": "balance_transaction",
        "amount": transaction.amount,
        "available_on": transaction.created + AVAILABLE_AFTER_SECONDS,
        "balance_type": "payments",
        "created": transaction.created,
        "currency": transaction.currency,
        "description": transaction.description,
        "exchange_rate": transaction.exchange_rate,
        "fee": transaction.fee,
        "fee_details": [_detail(detail, transaction) for detail in transaction.fee_details],
        "net": transaction.net,
        "reporting_category": transaction.reporting_category,
        "source": transaction.source,
        "status": "pending",
        "type": transaction.type,
    }


def _detail(detail: FeeDetail, transaction: BalanceTransaction) -> Wire:
    return {
        "amount": detail.amount,
        "application": detail.application,
        "currency": transaction.currency,
        "description": detail.description,
        "type": detail.type,
    }
