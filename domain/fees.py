"""The platform's fee and the gateway's: terms, quotes, and the share that a refund returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.errors import Issue, ValidationFailed
from domain.money import divide_half_up

BASIS_POINTS = 10_000
"""One whole, in basis points."""


class FeeRefundPolicy(StrEnum):
    """What becomes of the platform's fee when the payer gets money back."""

    RETURN_PROPORTIONALLY = "RETURN_PROPORTIONALLY"
    RETAIN = "RETAIN"


@dataclass(frozen=True, slots=True)
class FeeTier:
    """A price list. `fixed_fees` maps currency to minor units; empty means 0 in every currency."""

    id: str
    name: str
    level: int
    basis_points: int
    fixed_fees: Mapping[str, int]
    description: str
    refund_policy: FeeRefundPolicy
    is_default: bool
    is_archived: bool


@dataclass(frozen=True, slots=True)
class FeeOverride:
    """One tenant's own price, in force from `effective_from` up to `effective_until`."""

    id: str
    tenant_id: str
    basis_points: int
    fixed_fees: Mapping[str, int]
    reason: str
    created_by: str
    effective_from: datetime
    effective_until: datetime | None


@dataclass(frozen=True, slots=True)
class FeeTerms:
    """The price of one payment, copied at authorize and never changed. `fixed_fee` is in minor
    units of the payment's currency."""

    basis_points: int
    fixed_fee: int
    refund_policy: FeeRefundPolicy
    tier_id: str
    override_id: str | None


@dataclass(frozen=True, slots=True)
class GatewayFeeSchedule:
    """What the gateway is expected to keep until its own figure is known."""

    basis_points: int
    fixed_fee: int


@dataclass(frozen=True, slots=True)
class FeeQuote:
    """What a payment of `amount` would cost under `terms`, all in minor units of `currency`."""

    amount: int
    currency: str
    platform_fee: int
    gateway_fee_estimate: int
    terms: FeeTerms

    @property
    def net_amount(self) -> int:
        """What the merchant would keep."""
        return self.amount - self.platform_fee - self.gateway_fee_estimate


def resolve_terms(tier: FeeTier, override: FeeOverride | None, currency: str) -> FeeTerms:
    """The terms in force: the active override, else the tier.

    Raises ValidationFailed (FEE_CURRENCY_MISSING) where the list of fixed fees is not empty and
    does not name the currency.
    """
    source = override or tier
    if source.fixed_fees and currency not in source.fixed_fees:
        raise ValidationFailed(
            Issue(
                ("input", "currency"),
                "FEE_CURRENCY_MISSING",
                f"No fixed fee is set for {currency}.",
            )
        )
    return FeeTerms(
        basis_points=source.basis_points,
        fixed_fee=source.fixed_fees.get(currency, 0),
        refund_policy=tier.refund_policy,
        tier_id=tier.id,
        override_id=override.id if override else None,
    )


def platform_fee(terms: FeeTerms, amount: int) -> int:
    """The fee on `amount` minor units: basis points rounded half up, plus the fixed part."""
    return divide_half_up(terms.basis_points * amount, BASIS_POINTS) + terms.fixed_fee


def captured_platform_fee(terms: FeeTerms, captured: int) -> int:
    """The fee on what was captured, kept below it: the merchant is left at least one unit."""
    return min(platform_fee(terms, captured), captured - 1)


def gateway_fee_estimate(schedule: GatewayFeeSchedule, amount: int) -> int:
    """The gateway's expected fee on `amount` minor units, rounded half up."""
    return divide_half_up(schedule.basis_points * amount, BASIS_POINTS) + schedule.fixed_fee


def settled_gateway_fee(settlement_fee: int, settlement_amount: int, captured: int) -> int:
    """A fee taken in the settlement currency, in minor units of the payment's currency."""
    return divide_half_up(settlement_fee * captured, settlement_amount)


def quote(
    tier: FeeTier,
    override: FeeOverride | None,
    schedule: GatewayFeeSchedule,
    amount: int,
    currency: str,
) -> FeeQuote:
    """The price of a payment. Raises FEE_CURRENCY_MISSING or FEE_NOT_BELOW_AMOUNT."""
    terms = resolve_terms(tier, override, currency)
    fee = platform_fee(terms, amount)
    if fee >= amount:
        raise ValidationFailed(
            Issue(
                ("input", "amountCents"),
                "FEE_NOT_BELOW_AMOUNT",
                "The platform fee would not be below the amount.",
            )
        )
    return FeeQuote(amount, currency, fee, gateway_fee_estimate(schedule, amount), terms)


def returned_fee(policy: FeeRefundPolicy, fee: int, refunded: int, captured: int) -> int:
    """The platform's fee returned so far, once `refunded` of `captured` has gone back.

    One refund's part is the difference of two such sums, so the parts always add up to the whole.
    """
    if policy is FeeRefundPolicy.RETAIN or captured == 0:
        return 0
    return divide_half_up(fee * refunded, captured)
