"""What an event is about: the ids, amounts and moments that its objects share."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

Json = dict[str, object]

EMAIL = "jenny.rosen@example"
PHONE = "+1 415 555 0134"
HANDLE = "1NirD82eZvKYlo2C"
"""What Stripe puts into an account's ids, of its documentation's own account."""


def _made(prefix: str) -> str:
    return f"{prefix}_{HANDLE}{secrets.token_hex(4)}"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One payment at the gateway, and what happened to it. Amounts are in the gateway's units.

    `captured` is what a capture took, `refunded` what went back in all; `tollgate` are the metadata
    that Tollgate itself wrote on the intent, `refund_metadata` those on the refund.
    """

    intent: str = field(default_factory=lambda: _made("pi"))
    charge: str = field(default_factory=lambda: _made("ch"))
    refund: str = field(default_factory=lambda: _made("re"))
    dispute: str = field(default_factory=lambda: _made("du"))
    transaction: str = field(default_factory=lambda: _made("txn"))
    amount: int = 10_000
    captured: int = 10_000
    refunded: int = 0
    refund_amount: int = 4_000
    dispute_amount: int = 10_000
    currency: str = "usd"
    manual: bool = False
    created: int = 1_795_000_000
    livemode: bool = False
    account: str = "acct_" + HANDLE
    charges_enabled: bool = True
    tollgate: Mapping[str, str] = field(default_factory=dict)
    refund_metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def client_secret(self) -> str:
        """The intent's, of the shape that Stripe gives it."""
        return f"{self.intent}_secret_{HANDLE}"

    @property
    def method(self) -> str:
        """The payment method's id."""
        return f"pm_{HANDLE}{self.intent[-6:]}"

    @property
    def customer(self) -> str:
        """The customer's id."""
        return f"cus_{HANDLE[:14]}"


def address() -> Json:
    """A made-up address."""
    return {
        "city": "San Francisco",
        "country": "US",
        "line1": "354 Oyster Point Blvd",
        "line2": "Apt. 3, rear building",
        "postal_code": "94080",
        "state": "CA",
    }


def metadata(facts: Facts) -> Json:
    """What the merchant wrote and what Tollgate wrote."""
    return {
        "cart": "c-20261126-000731",
        "campaign": "Novemberrabatt für Stammkunden",
        "merchant_reference": "A-731/2",
        **facts.tollgate,
    }


def fee_details(facts: Facts) -> list[Json]:
    """What Stripe keeps of a captured charge: 2.9 % and 30."""
    return [
        {
            "amount": (facts.captured * 29 + 500) // 1000 + 30,
            "application": None,
            "currency": facts.currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
