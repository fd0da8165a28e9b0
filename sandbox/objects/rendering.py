"""Any record on the wire."""

from sandbox.models import (
    Account,
    ApplicationFee,
    BalanceTransaction,
    Charge,
    Customer,
    Dispute,
    Event,
    FeeRefund,
    PaymentIntent,
    PaymentMethod,
    Record,
    Refund,
    WebhookEndpoint,
)
from sandbox.objects import (
    accounts,
    application_fees,
    balance_transactions,
    charges,
    disputes,
    payment_intents,
    payment_methods,
    refunds,
    webhook_endpoints,
)
from sandbox.wire import Wire


def render(record: Record, application: str | None = None) -> Wire:  # noqa: C901 - one arm an object
    """A record as Stripe sends it; ``application`` is that of the account it belongs to."""
    match record:
        case PaymentIntent():
            return payment_intents.render(record, application)
        case Charge():
            return charges.render(record, application)
        case Refund():
            return refunds.render(record)
        case Dispute():
            return disputes.render(record)
        case BalanceTransaction():
            return balance_transactions.render(record)
        case PaymentMethod():
            return payment_methods.render(record)
        case Customer():
            return accounts.render_customer(record)
        case Account():
            return accounts.render(record)
        case ApplicationFee():
            return application_fees.render(record)
        case FeeRefund():
            return application_fees.render_refund(record)
        case WebhookEndpoint():
            return webhook_endpoints.render(record)
        case Event():
            return webhook_endpoints.render_event(record)
    raise TypeError(type(record).__name__)
