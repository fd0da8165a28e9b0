"""What a payment costs: the terms in force, a tenant's own price, a quote."""

from __future__ import annotations

from datetime import datetime

import strawberry

from domain import fees
from domain.fees import FeeRefundPolicy
from schema.context import Info
from schema.fee_tier import FeeTier, fixed_fee_list
from schema.fields import computed
from schema.money import Money
from schema.node import Node
from schema.tenant import Tenant


@strawberry.type(description="One tenant's own price, in place of its tier's.")
class FeeOverride(Node):
    basis_points: int = strawberry.field(
        description="The proportional fee in hundredths of a percent: 300 is 3.00 %."
    )
    fixed_fees: list[Money] = strawberry.field(
        description="The fixed fee in each currency; an empty list is none in any currency."
    )
    reason: str = strawberry.field(description="Why it was granted.")
    created_by: str = strawberry.field(description="Who granted it.")
    effective_from: datetime = strawberry.field(description="When it starts.")
    effective_until: datetime | None = strawberry.field(
        description="When it ends, itself not included; null for never."
    )
    tenant_id: strawberry.Private[str]

    @classmethod
    def of(cls, override: fees.FeeOverride) -> FeeOverride:
        """The override as a client sees it."""
        return cls(
            id=strawberry.ID(override.id),
            basis_points=override.basis_points,
            fixed_fees=fixed_fee_list(override.fixed_fees),
            reason=override.reason,
            created_by=override.created_by,
            effective_from=override.effective_from,
            effective_until=override.effective_until,
            tenant_id=override.tenant_id,
        )

    @computed("Whose price it is.")
    async def tenant(self, info: Info) -> Tenant:
        tenant = await info.context.loaders.any_tenant.load(self.tenant_id)
        if tenant is None:
            raise LookupError(f"the tenant {self.tenant_id} of override {self.id} is gone")
        return Tenant.of(tenant)


@strawberry.type(description="The price of one payment, frozen when it was authorized.")
class FeeTerms:
    basis_points: int = strawberry.field(
        description="The proportional fee in hundredths of a percent: 300 is 3.00 %."
    )
    fixed_fee: Money = strawberry.field(description="The fixed fee of each payment.")
    refund_policy: FeeRefundPolicy = strawberry.field(
        description="What becomes of the fee when money goes back."
    )
    tier_id: strawberry.Private[str]
    override_id: strawberry.Private[str | None]

    @classmethod
    def of(cls, terms: fees.FeeTerms, currency: str) -> FeeTerms:
        """The terms of a payment in `currency`."""
        return cls(
            basis_points=terms.basis_points,
            fixed_fee=Money.of(terms.fixed_fee, currency),
            refund_policy=terms.refund_policy,
            tier_id=terms.tier_id,
            override_id=terms.override_id,
        )

    @computed(
        "The tier that was in force; null for a token without a role that sees tiers.",
        allow="FeeTerms.tier",
    )
    async def tier(self, info: Info) -> FeeTier | None:
        tier = await info.context.loaders.fee_tier.load(self.tier_id)
        return FeeTier.of(tier) if tier else None

    @computed(
        "The override that took the tier's place, if any; null for a token without a "
        "role that sees overrides.",
        allow="FeeTerms.override",
    )
    async def override(self, info: Info) -> FeeOverride | None:
        if self.override_id is None:
            return None
        override = await info.context.loaders.fee_override.load(self.override_id)
        return FeeOverride.of(override) if override else None


@strawberry.type(description="What a payment would cost now.")
class FeeQuote:
    amount: Money = strawberry.field(description="The amount asked about.")
    platform_fee: Money = strawberry.field(description="The platform's fee.")
    gateway_fee_estimate: Money = strawberry.field(
        description="The gateway's fee by its schedule; its own figure comes with the payment."
    )
    net_amount: Money = strawberry.field(description="What the merchant would keep.")
    terms: FeeTerms = strawberry.field(description="The price it was computed by.")

    @classmethod
    def of(cls, quote: fees.FeeQuote) -> FeeQuote:
        """The quote as a client sees it."""
        return cls(
            amount=Money.of(quote.amount, quote.currency),
            platform_fee=Money.of(quote.platform_fee, quote.currency),
            gateway_fee_estimate=Money.of(quote.gateway_fee_estimate, quote.currency),
            net_amount=Money.of(quote.net_amount, quote.currency),
            terms=FeeTerms.of(quote.terms, quote.currency),
        )
