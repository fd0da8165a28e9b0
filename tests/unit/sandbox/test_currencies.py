"""Amounts, currencies and fees of the sandbox."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.currencies import (
    MAXIMUM,
    RATES,
    THREE_DECIMAL,
    WHOLE_MAJOR_UNITS,
    ZERO_DECIMAL,
    check_amount,
    display,
    exchange,
    known,
    minimum,
    round_half_up,
)
from sandbox.errors import ApiError
from sandbox.fees import processing_fee, proportion


@pytest.mark.parametrize(
    ("settled", "fee"), [(2000, 88), (10000, 320), (1000, 59), (50, 31), (17, 17), (1550, 75)]
)
def test_processing_fee(settled: int, fee: int) -> None:
    """2.9 % + 30, rounded half up, and never more than the charge."""
    assert processing_fee(settled) == fee


@pytest.mark.parametrize(
    ("value", "rounded"), [("1/2", 1), ("-1/2", -1), ("3/2", 2), ("149/100", 1), ("-149/100", -1)]
)
def test_halves_are_rounded_away_from_zero(value: str, rounded: int) -> None:
    """Money out is rounded as money in is."""
    assert round_half_up(Fraction(value)) == rounded


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.lists(st.integers(1, 1000), max_size=20))
def test_proportions_of_growing_parts_sum_to_the_whole(
    fee: int, whole: int, parts: list[int]
) -> None:
    """The share grows with the part and is the whole fee at the end."""
    shares = [proportion(fee, min(sum(parts[:end]), whole), whole) for end in range(len(parts) + 1)]

    assert shares == sorted(shares)
    assert proportion(fee, whole, whole) == fee


@pytest.mark.parametrize(
    ("amount", "currency", "to", "settled"),
    [
        (1000, "usd", "usd", 1000),
        (1000, "eur", "usd", 1080),
        (1000, "jpy", "usd", 670),
        (1080, "usd", "eur", 1000),
        (10000, "kwd", "usd", 3250),
        (-1000, "eur", "usd", -1080),
    ],
)
def test_exchange_at_the_fixed_rates(amount: int, currency: str, to: str, settled: int) -> None:
    """Amounts are converted by hand-checkable rates between currencies of any exponent."""
    exchanged = exchange(amount, currency, to)

    assert (exchanged.amount, exchanged.currency) == (settled, to)
    assert (exchanged.rate is None) is (currency == to)


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (0, "usd", "parameter_invalid_integer"),
        (-5, "usd", "parameter_invalid_integer"),
        (49, "usd", "amount_too_small"),
        (29, "gbp", "amount_too_small"),
        (MAXIMUM + 1, "usd", "amount_too_large"),
        (100050, "isk", None),
        (500150, "ugx", None),
        (1005, "kwd", None),
    ],
)
def test_amounts_that_are_refused(amount: int, currency: str, code: str | None) -> None:
    """Too small, too large, and last digits that must be 0."""
    with pytest.raises(ApiError) as caught:
        check_amount(amount, currency)

    assert (caught.value.code, caught.value.param) == (code, "amount")


def test_every_currency_takes_its_minimum() -> None:
    """The smallest charge of each currency is one that it takes."""
    for currency in RATES:
        check_amount(minimum(currency), currency)
    assert set(ZERO_DECIMAL | THREE_DECIMAL | WHOLE_MAJOR_UNITS) <= set(RATES)


def test_unknown_currencies_are_refused() -> None:
    """Upper case is taken, what Stripe does not know is not."""
    assert known("USD") == "usd"
    with pytest.raises(ApiError, match="Invalid currency: zzz"):
        known("zzz")


def test_amounts_are_shown_as_stripe_shows_them() -> None:
    """Symbols where Stripe has them, decimals of the currency."""
    shown = [display(123456, currency) for currency in ("usd", "jpy", "kwd", "sek")]

    assert shown == ["$1,234.56", "¥123,456", "123.456 kwd", "1,234.56 sek"]
