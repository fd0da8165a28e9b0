"""What the gateway keeps: 2.9 % + 30 minor units of the settlement currency, rounded half up."""

from fractions import Fraction

from sandbox.currencies import round_half_up

BASIS_POINTS = 290
FIXED = 30
DISPUTE_FEE = 1500
"""Minor units of the settlement currency, withdrawn with the disputed amount."""


def processing_fee(settled: int) -> int:
    """The fee on a charge of ``settled`` minor units of the settlement currency.

    Never more than the charge, which can only happen where the charge is tiny in the currency of
    settlement.
    """
    return min(settled, round_half_up(Fraction(settled * BASIS_POINTS, 10_000)) + FIXED)


def proportion(fee: int, part: int, whole: int) -> int:
    """The share of ``fee`` that belongs to ``part`` of ``whole``, rounded half up."""
    return round_half_up(Fraction(fee * part, whole))
