"""Money as a client reads it."""

from __future__ import annotations

from decimal import Decimal

import strawberry
from babel.numbers import format_currency

from domain import money
from domain.currency import exponent
from schema.fields import computed
from schema.scalars import Currency, SignedCents


@strawberry.type(description="An amount in one currency.")
class Money:
    amount_cents: SignedCents = strawberry.field(
        description="Whole minor units of the currency: 1000 is USD 10.00 or JPY 1000."
    )
    currency: Currency = strawberry.field(description="The currency.")

    @classmethod
    def of(cls, minor: int, currency: str) -> Money:
        """The amount of that many minor units."""
        return cls(amount_cents=SignedCents(minor), currency=Currency(currency))

    @computed('Major units as an exact string: "12.30".')
    def decimal(self) -> str:
        return money.Money(self.amount_cents, self.currency).decimal()

    @computed('As a reader of American English writes it: "$12.30".')
    def formatted(self) -> str:
        places = exponent(self.currency)
        pattern = "¤#,##0" + ("." + "0" * places if places else "")
        exact = Decimal(self.decimal())
        return format_currency(
            exact, self.currency, format=pattern, locale="en_US", currency_digits=False
        )
