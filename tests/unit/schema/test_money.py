"""Money as a client reads it."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.currency import EXPONENTS
from schema.money import Money
from schema.scalars import CENTS_MAX


@pytest.mark.parametrize(
    ("minor", "currency", "decimal", "formatted"),
    [
        (1_230, "USD", "12.30", "$12.30"),
        (-1_230, "USD", "-12.30", "-$12.30"),
        (500, "JPY", "500", "¥500"),
        (1_234, "KWD", "1.234", "KWD1.234"),
        (123_456_789, "EUR", "1234567.89", "€1,234,567.89"),
        (100_000, "MGA", "1000.00", "MGA1,000.00"),
        (-1_001, "ISK", "-1001", "-ISK1,001"),
        (50_001, "UGX", "50001", "UGX50,001"),
        (17_501, "HUF", "175.01", "HUF175.01"),
    ],
)
def test_money_is_written_with_its_currencys_decimals(
    minor: int, currency: str, decimal: str, formatted: str
) -> None:
    """Both texts have the decimals of ISO 4217, whatever a locale thinks of them."""
    money = Money.of(minor, currency)

    assert (money.decimal(), money.formatted()) == (decimal, formatted)


@given(st.integers(-CENTS_MAX, CENTS_MAX), st.sampled_from(sorted(EXPONENTS)))
def test_no_minor_unit_is_lost_in_writing(minor: int, currency: str) -> None:
    """Decimal and formatted text both stand for exactly the amount."""
    money = Money.of(minor, currency)
    number = re.search(r"[0-9][0-9,.]*$", money.formatted())

    assert Decimal(money.decimal()) == Decimal(minor).scaleb(-EXPONENTS[currency])
    assert number is not None
    assert abs(Decimal(money.decimal())) == Decimal(number[0].replace(",", ""))
