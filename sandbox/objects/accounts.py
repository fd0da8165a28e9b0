"""Accounts, customers and balances on the wire."""

from collections.abc import Mapping

from sandbox.models import Account, Customer
from sandbox.wire import Wire


def render(account: Account) -> Wire:
    """An account as its platform sees it."""
    return {
        "id": account.id,
        "object": "account",
        "business_profile": account.business_profile,
        "business_type": account.business_type,
        "capabilities": {"card_payments": _active(account), "transfers": _active(account)},
        "charges_enabled": account.charges_enabled,
        "country": account.country,
        "created": account.created,
        "default_currency": account.currency,
        "details_submitted": True,
        "email": account.email,
        "future_requirements": _requirements(None),
        "metadata": dict(account.metadata),
        "payouts_enabled": account.charges_enabled,
        "requirements": _requirements(None if account.charges_enabled else "platform_paused"),
        "type": account.type,
    }


def _active(account: Account) -> str:
    return "active" if account.charges_enabled else "inactive"


def _requirements(disabled_reason: str | None) -> Wire:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": [],
        "disabled_reason": disabled_reason,
        "errors": [],
        "eventually_due": [],
        "past_due": [],
        "pending_verification": [],
    }


def render_customer(customer: Customer) -> Wire:
    """A customer as Stripe sends it."""
    return {
        "id": customer.id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": customer.created,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": customer.description,
        "discount": None,
        "email": customer.email,
        "invoice_prefix": customer.id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": dict(customer.metadata),
        "name": customer.name,
        "phone": customer.phone,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def render_balance(balances: Mapping[str, int]) -> Wire:
    """The balance: nothing is ever paid out or becomes available, so all of it is pending."""
    amounts = [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in sorted(balances.items())
    ]
    return {
        "object": "balance",
        "available": [
            {"amount": 0, "currency": currency, "source_types": {"card": 0}}
            for currency in sorted(balances)
        ],
        "livemode": False,
        "pending": amounts,
    }
