"""Prices and tenants as the platform's own people set them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from domain.fees import FeeRefundPolicy
from domain.money import Money as MoneyAmount
from domain.pricing_rules import CreateTenant, PriceTier, SetOverride
from schema.errors import InvalidStateError, NotFoundError, ValidationError
from schema.fee_tier import FeeTier
from schema.fees import FeeOverride
from schema.scalars import Cents, Currency, SafeText
from schema.tenant import Tenant

_BASIS_POINTS = "The proportional fee in hundredths of a percent, 0 to 10000: 300 is 3.00 %."
_FIXED_FEES = (
    "The fixed fee in each currency that may be charged, each named once; an empty list is none in "
    "any currency. With a list, a payment in a currency that is not on it is refused."
)


@strawberry.input(description="An amount of money.")
class MoneyInput:
    amount_cents: Cents = strawberry.field(description="Minor units of the currency.")
    currency: Currency = strawberry.field(description="The currency.")

    def to_money(self) -> MoneyAmount:
        """The amount."""
        return MoneyAmount(self.amount_cents, self.currency)


@strawberry.input(description="A price list as it is to be.")
class FeeTierInput:
    name: SafeText = strawberry.field(description="Its name.")
    level: int = strawberry.field(
        description="Its place among the tiers, 1 to 1000; no other tier in use has it."
    )
    basis_points: int = strawberry.field(description=_BASIS_POINTS)
    description: SafeText = strawberry.field(description="Whom it is for.")
    fixed_fees: list[MoneyInput] = strawberry.field(description=_FIXED_FEES, default_factory=list)
    refund_policy: FeeRefundPolicy = strawberry.field(
        description="What becomes of the fee when money goes back.",
        default=FeeRefundPolicy.RETURN_PROPORTIONALLY,
    )

    def to_tier(self) -> PriceTier:
        """The tier; the domain checks its rules."""
        return PriceTier(
            name=self.name,
            level=self.level,
            basis_points=self.basis_points,
            fixed_fees=[fee.to_money() for fee in self.fixed_fees],
            description=self.description,
            refund_policy=self.refund_policy,
        )


@strawberry.input(description="One tenant's own price, in place of its tier's.")
class SetFeeOverrideInput:
    tenant_id: strawberry.ID = strawberry.field(description="Whose price it is.")
    basis_points: int = strawberry.field(description=_BASIS_POINTS)
    reason: SafeText = strawberry.field(description="Why it is granted.")
    fixed_fees: list[MoneyInput] = strawberry.field(description=_FIXED_FEES, default_factory=list)
    effective_from: datetime | None = strawberry.field(
        description="When it starts; now, when left out. Not in the past.", default=None
    )
    effective_until: datetime | None = strawberry.field(
        description="When it ends, itself not included; never, when left out.", default=None
    )

    def to_override(self) -> SetOverride:
        """The override; the domain checks its rules."""
        return SetOverride(
            tenant_id=self.tenant_id,
            basis_points=self.basis_points,
            fixed_fees=[fee.to_money() for fee in self.fixed_fees],
            reason=self.reason,
            effective_from=self.effective_from,
            effective_until=self.effective_until,
        )


@strawberry.input(description="A merchant that is to be served.")
class CreateTenantInput:
    name: SafeText = strawberry.field(description="Its name.")
    slug: SafeText = strawberry.field(
        description="Its name in addresses and on the command line: 1 to 63 lower-case letters, "
        "digits and hyphens. No other tenant has it."
    )
    default_currency: Currency = strawberry.field(description="The currency it mostly sells in.")

    def to_tenant(self) -> CreateTenant:
        """The tenant; the domain checks its rules."""
        return CreateTenant(self.name, self.slug, self.default_currency)


CreateTenantResult = Annotated[
    Tenant | ValidationError | NotFoundError | InvalidStateError,
    strawberry.union("CreateTenantResult", description="What createTenant answers."),
]
TenantResult = Annotated[
    Tenant | ValidationError | NotFoundError | InvalidStateError,
    strawberry.union("TenantResult", description="What assignFeeTier answers."),
]
FeeTierResult = Annotated[
    FeeTier | ValidationError | NotFoundError | InvalidStateError,
    strawberry.union("FeeTierResult", description="What the mutations of tiers answer."),
]
FeeOverrideResult = Annotated[
    FeeOverride | ValidationError | NotFoundError | InvalidStateError,
    strawberry.union("FeeOverrideResult", description="What the mutations of overrides answer."),
]
