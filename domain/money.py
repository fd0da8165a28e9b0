"""Money: whole minor units and an ISO 4217 code. No float comes near it."""

from __future__ import annotations

from dataclasses import dataclass

from domain.currency import exponent


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of `currency`; JPY 500 is 500, USD 5.00 is 500."""

    minor: int
    currency: str

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + other._same(self.currency), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - other._same(self.currency), self.currency)

    def _same(self, currency: str) -> int:
        if currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} cannot be added to {currency}.")
        return self.minor

    def decimal(self) -> str:
        """Major units as an exact string: 1230 USD is "12.30", 500 JPY is "500"."""
        places = exponent(self.currency)
        if places == 0:
            return str(self.minor)
        sign = "-" if self.minor < 0 else ""
        whole, part = divmod(abs(self.minor), 10**places)
        return f"{sign}{whole}.{part:0{places}d}"


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies met in one sum."""


def divide_half_up(numerator: int, denominator: int) -> int:
    """numerator / denominator for non-negative integers, a half rounded up."""
    return (2 * numerator + denominator) // (2 * denominator)
