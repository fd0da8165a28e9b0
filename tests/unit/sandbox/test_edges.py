"""What Tollgate refuses at its edge is what the sandbox, which holds Stripe's rules, refuses."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from domain.currency import EXPONENTS, UnsupportedAmount, check_gateway_amount, to_gateway
from sandbox.currencies import MINIMUM, RATES, check_amount
from sandbox.errors import ApiError

currencies = st.sampled_from(sorted(EXPONENTS))
amounts = st.one_of(st.integers(1, 1_000), st.integers(1, 2 * 10**10), st.integers(1, 10**13))


def _counted(amount: int, currency: str) -> int | None:
    """The gateway's count of what passes the edge."""
    try:
        check_gateway_amount(amount, currency)
    except UnsupportedAmount:
        return None
    return to_gateway(amount, currency)


def _is_taken(counted: int, currency: str) -> bool:
    try:
        check_amount(counted, currency.lower())
    except ApiError as refused:
        # Of most currencies Stripe names no minimum: it is what half a dollar is worth that day.
        return refused.code == "amount_too_small" and currency.lower() not in MINIMUM
    return True


def test_the_currencies_are_the_same() -> None:
    """None is taken that Stripe does not present, and none that it presents is missing."""
    assert {code.lower() for code in EXPONENTS} == set(RATES)


@given(amounts, currencies)
@example(999_999, "ISK")
@example(99_999_990, "KWD")
@example(9_999_999_900, "MGA")
@example(999_999_999_999, "IDR")
def test_what_passes_the_edge_is_taken(amount: int, currency: str) -> None:
    """No amount is sent that the gateway refuses."""
    counted = _counted(amount, currency)

    assert counted is None or _is_taken(counted, currency)


@given(amounts, currencies)
@example(1_000_000, "ISK")
@example(99_999_991, "KWD")
@example(10_000_000_000, "MGA")
@example(17_499, "HUF")
def test_what_the_edge_refuses_could_not_be_charged(amount: int, currency: str) -> None:
    """No amount is refused that the gateway would take: it has no count of it, or the sandbox
    refuses that count."""
    if _counted(amount, currency) is not None:
        return
    try:
        counted = to_gateway(amount, currency)
    except UnsupportedAmount:
        assert amount % (100 if currency == "MGA" else 10)
        return

    assert not _is_taken(counted, currency)
