"""/v1/charges, /v1/balance_transactions, /v1/balance."""

from sandbox.api.call import Call, found
from sandbox.api.lists import page
from sandbox.models import BalanceTransaction, Charge
from sandbox.objects.accounts import render_balance
from sandbox.params import merged_metadata
from sandbox.wire import Wire


def retrieve(call: Call) -> Wire:
    """GET /v1/charges/{charge}."""
    return call.render(call.charge())


def list_(call: Call) -> Wire:
    """GET /v1/charges."""
    intent = call.params.text("payment_intent")
    customer = call.params.text("customer")

    def matches(charge: Charge) -> bool:
        return (intent is None or charge.payment_intent == intent) and (
            customer is None or charge.customer == customer
        )

    return page(call, call.book.charges, "/v1/charges", "charge", matches)


def update(call: Call) -> Wire:
    """POST /v1/charges/{charge}: metadata, description and receipt e-mail."""
    charge = call.charge()
    charge.metadata = merged_metadata(charge.metadata, call.params)
    charge.description = call.params.text("description") or charge.description
    charge.receipt_email = call.params.text("receipt_email") or charge.receipt_email
    return call.render(charge)


def retrieve_transaction(call: Call) -> Wire:
    """GET /v1/balance_transactions/{id}."""
    shelf = call.book.balance_transactions
    return call.render(found(shelf, call.ids[0], "balance transaction", "id"))


def list_transactions(call: Call) -> Wire:
    """GET /v1/balance_transactions."""
    wanted = {name: call.params.text(name) for name in ("source", "type", "currency")}

    def matches(transaction: BalanceTransaction) -> bool:
        return all(
            value is None or getattr(transaction, name) == value for name, value in wanted.items()
        )

    shelf = call.book.balance_transactions
    return page(call, shelf, "/v1/balance_transactions", "balance transaction", matches)


def retrieve_balance(call: Call) -> Wire:
    """GET /v1/balance."""
    balances = call.book.balances or {call.book.account.currency: 0}
    return render_balance(balances)
