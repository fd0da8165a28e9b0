"""The judge: what really happened, whatever the answers said."""

from collections.abc import Iterable

from sandbox.models import Charge
from sandbox.objects.rendering import render
from sandbox.wire import Wire
from sandbox.world import Book


def ledger(books: Iterable[Book]) -> Wire:
    """The facts of these accounts together; amounts are minor units."""
    held = list(books)
    return {
        "intents": sum(len(book.intents) for book in held),
        "charges": [_charge(each) for book in held for each in book.charges.values()],
        "refunds": [
            render(each) for book in held for each in book.refunds.values() if not each.released
        ],
        "disputes": [render(each) for book in held for each in book.disputes.values()],
        "balance": _balance(held),
        "balance_transactions": [
            render(each) for book in held for each in book.balance_transactions.values()
        ],
        "calls": _calls(held),
    }


def _charge(charge: Charge) -> Wire:
    return {
        "id": charge.id,
        "account": charge.account,
        "payment_intent": charge.payment_intent,
        "amount": charge.amount,
        "amount_captured": charge.amount_captured,
        "amount_refunded": charge.amount_refunded,
        "currency": charge.currency,
        "status": charge.status,
        "captured": charge.captured,
        "metadata": dict(charge.metadata),
    }


def _balance(books: list[Book]) -> dict[str, int]:
    total: dict[str, int] = {}
    for book in books:
        for currency, amount in book.balances.items():
            total[currency] = total.get(currency, 0) + amount
    return total


def _calls(books: list[Book]) -> dict[str, dict[str, int | str]]:
    calls: dict[str, dict[str, int | str]] = {}
    for book in books:
        for key, made in book.calls.items():
            seen = calls.get(key, {"count": 0, "effects": 0})
            calls[key] = {
                "count": int(seen["count"]) + made.count,
                "effects": int(seen["effects"]) + made.effects,
                "path": made.path,
            }
    return calls
