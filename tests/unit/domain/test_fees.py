"""Fees: the brief's worked example, and what must hold for any terms."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ValidationFailed
from domain.fees import (
    FeeOverride,
    FeeRefundPolicy,
    FeeTerms,
    FeeTier,
    captured_platform_fee,
    gateway_fee_estimate,
    platform_fee,
    quote,
    resolve_terms,
    returned_fee,
    settled_gateway_fee,
)
from tests.builders import NOW, SCHEDULE

PROPORTIONAL = FeeRefundPolicy.RETURN_PROPORTIONALLY


def a_tier(basis_points: int, fixed_fees: dict[str, int] | None = None) -> FeeTier:
    """A tier with the given price."""
    return FeeTier(
        id="fee_1",
        name="T",
        level=1,
        basis_points=basis_points,
        fixed_fees=fixed_fees or {},
        description="",
        refund_policy=PROPORTIONAL,
        is_default=True,
        is_archived=False,
    )


@pytest.mark.parametrize(
    ("basis_points", "fee", "net"), [(300, 300, 9380), (150, 150, 9530), (50, 50, 9630)]
)
def test_the_worked_example(basis_points: int, fee: int, net: int) -> None:
    """100.00 leaves 93.80 at Starter, 95.30 at Professional, 96.30 at Enterprise."""
    price = quote(a_tier(basis_points), None, SCHEDULE, 10_000, "USD")

    assert (price.platform_fee, price.gateway_fee_estimate, price.net_amount) == (fee, 320, net)


def test_the_gateway_fee_of_ten() -> None:
    """The worked example's rule gives 0.59 on 10.00, fixed part included."""
    assert gateway_fee_estimate(SCHEDULE, 1_000) == 59


def test_an_override_goes_before_the_tier() -> None:
    """The active override sets the price; the tier still sets the refund policy."""
    override = FeeOverride("fov_1", "ten_1", 100, {}, "deal", "ann", NOW, None)

    terms = resolve_terms(a_tier(300), override, "USD")

    assert terms == FeeTerms(100, 0, PROPORTIONAL, "fee_1", "fov_1")


def test_a_missing_fixed_fee_currency_is_refused() -> None:
    """An empty list is 0 everywhere; a list without the currency is an error."""
    assert resolve_terms(a_tier(300), None, "EUR").fixed_fee == 0
    assert resolve_terms(a_tier(300, {"USD": 5}), None, "USD").fixed_fee == 5

    with pytest.raises(ValidationFailed) as refused:
        resolve_terms(a_tier(300, {"USD": 5}), None, "EUR")

    assert refused.value.detail_code == "FEE_CURRENCY_MISSING"


def test_a_fee_not_below_the_amount_is_refused() -> None:
    """A payment that would leave the merchant nothing is not quoted."""
    with pytest.raises(ValidationFailed) as refused:
        quote(a_tier(0, {"USD": 500}), None, SCHEDULE, 500, "USD")

    assert refused.value.detail_code == "FEE_NOT_BELOW_AMOUNT"


terms = st.builds(
    FeeTerms,
    st.integers(0, 10_000),
    st.integers(0, 100_000),
    st.just(PROPORTIONAL),
    st.just("fee_1"),
    st.none(),
)


@given(terms, st.integers(1, 10**9))
def test_the_captured_fee_leaves_something(terms: FeeTerms, captured: int) -> None:
    """Whatever the terms, the fee on a capture is below the capture and not negative."""
    assert 0 <= captured_platform_fee(terms, captured) < captured


@given(terms, st.integers(1, 10**6), st.lists(st.integers(1, 10**5), max_size=8))
def test_returned_parts_sum_to_the_whole(terms: FeeTerms, captured: int, wanted: list[int]) -> None:
    """Partial refunds return parts that never pass the fee and end at exactly the fee."""
    fee = captured_platform_fee(terms, captured)
    refunded = returned = 0
    for amount in [*wanted, captured]:
        refunded = min(captured, refunded + amount)
        part = returned_fee(PROPORTIONAL, fee, refunded, captured) - returned
        assert part >= 0
        returned += part

    assert returned == fee


def test_retained_fees_stay() -> None:
    """Under RETAIN nothing of the fee goes back."""
    assert returned_fee(FeeRefundPolicy.RETAIN, 300, 10_000, 10_000) == 0
    assert returned_fee(PROPORTIONAL, 300, 0, 0) == 0


@given(terms, st.integers(1, 10**9))
def test_fees_grow_with_the_amount(terms: FeeTerms, amount: int) -> None:
    """A larger amount never costs less."""
    assert platform_fee(terms, amount) <= platform_fee(terms, amount + 1)
    assert platform_fee(replace(terms, basis_points=0), amount) == terms.fixed_fee


def test_a_fee_in_another_currency_is_scaled() -> None:
    """A settlement fee becomes payment currency by the share of the settled amount."""
    assert settled_gateway_fee(290, 9_200, 10_000) == 315
