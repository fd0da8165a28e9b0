"""Money and currencies."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.currency import (
    EXPONENTS,
    UnsupportedAmount,
    check_gateway_amount,
    floor_to_gateway,
    from_gateway,
    to_gateway,
)
from domain.money import CurrencyMismatch, Money, divide_half_up

currencies = st.sampled_from(sorted(EXPONENTS))


@given(st.integers(-(10**15), 10**15), currencies)
def test_decimal_is_exact(minor: int, currency: str) -> None:
    """The decimal text is the amount exactly, with the currency's number of places."""
    text = Money(minor, currency).decimal()

    assert Decimal(text) == Decimal(minor).scaleb(-EXPONENTS[currency])
    assert len(text.partition(".")[2]) == EXPONENTS[currency]


@given(st.integers(0, 10**18), st.integers(1, 10**9))
def test_half_up_is_the_schoolbook_rule(numerator: int, denominator: int) -> None:
    """Dividing rounds to the nearest whole number and a half upwards."""
    exact = Decimal(numerator) / Decimal(denominator)

    result = divide_half_up(numerator, denominator)

    assert abs(2 * (result * denominator - numerator)) <= denominator
    if 2 * numerator % denominator == 0:
        assert result == int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def test_sums_keep_to_one_currency() -> None:
    """Two currencies never add up."""
    assert Money(1, "USD") + Money(2, "USD") == Money(3, "USD")
    assert Money(1, "USD") - Money(2, "USD") == Money(-1, "USD")

    with pytest.raises(CurrencyMismatch):
        Money(1, "USD") + Money(1, "EUR")


@given(st.integers(0, 10**6), currencies)
def test_the_floor_is_the_largest_sum_that_can_be_sent(amount: int, currency: str) -> None:
    """The floor can be sent, and nothing between it and the amount can."""
    floor = floor_to_gateway(amount, currency)

    assert 0 <= floor <= amount
    assert from_gateway(to_gateway(floor, currency), currency) == floor
    for above in range(floor + 1, amount + 1):
        with pytest.raises(UnsupportedAmount):
            to_gateway(above, currency)


@given(st.integers(1, 10**6), currencies)
def test_the_gateway_count_comes_back(amount: int, currency: str) -> None:
    """What can be sent to the gateway comes back as the same amount."""
    try:
        sent = to_gateway(amount, currency)
    except UnsupportedAmount:
        return

    assert from_gateway(sent, currency) == amount


@given(st.integers(-(10**12), 10**12), currencies)
@example(150, "ISK")
@example(-250, "UGX")
def test_money_out_is_counted_as_money_in(counted: int, currency: str) -> None:
    """What leaves an account is as much as what came in, and no more than half a unit is lost."""
    amount = from_gateway(counted, currency)

    assert from_gateway(-counted, currency) == -amount
    try:
        assert abs(to_gateway(amount, currency) - counted) <= 50
    except UnsupportedAmount:
        assert amount == counted


@pytest.mark.parametrize(
    ("currency", "largest"),
    [
        ("USD", 99_999_999),
        ("JPY", 99_999_999),
        ("ISK", 999_999),
        ("UGX", 999_999),
        ("KWD", 99_999_990),
        ("MGA", 9_999_999_900),
        ("HUF", 99_999_999),
        ("IDR", 999_999_999_999),
    ],
)
def test_the_largest_amount_is_one_that_is_taken(currency: str, largest: int) -> None:
    """Eight digits as the gateway counts, twelve of rupiahs; the message says it in our units."""
    check_gateway_amount(largest, currency)
    with pytest.raises(UnsupportedAmount, match=f"at most {largest} {currency}") as refused:
        check_gateway_amount(largest + 100, currency)

    assert refused.value.rule == "AMOUNT_TOO_LARGE"


@pytest.mark.parametrize(
    ("amount", "currency", "sent"),
    [
        (500, "JPY", 500),
        (500, "ISK", 50_000),
        (7, "UGX", 700),
        (1230, "KWD", 1230),
        (300, "MGA", 3),
    ],
)
def test_stripes_exceptions(amount: int, currency: str, sent: int) -> None:
    """Stripe counts some currencies otherwise than ISO 4217."""
    assert to_gateway(amount, currency) == sent


@pytest.mark.parametrize(
    ("amount", "currency", "rule"),
    [
        (1231, "KWD", "AMOUNT_NOT_ROUND"),
        (250, "MGA", "AMOUNT_NOT_WHOLE"),
        (49, "USD", "AMOUNT_TOO_SMALL"),
        (0, "USD", "AMOUNT_TOO_SMALL"),
        (-1, "XOF", "AMOUNT_TOO_SMALL"),
        (100_000_000, "USD", "AMOUNT_TOO_LARGE"),
        (1_000_000, "ISK", "AMOUNT_TOO_LARGE"),
    ],
)
def test_amounts_the_gateway_cannot_take(amount: int, currency: str, rule: str) -> None:
    """An amount that the gateway would refuse or misread is refused before it is sent."""
    with pytest.raises(UnsupportedAmount) as refused:
        check_gateway_amount(amount, currency)

    assert refused.value.rule == rule
