"""Fee tiers: the platform's price lists."""

from __future__ import annotations

from collections.abc import Mapping

import strawberry

from domain import fees
from domain.fees import FeeRefundPolicy
from schema.money import Money
from schema.node import Node


@strawberry.type(description="A price list of the platform.")
class FeeTier(Node):
    name: str = strawberry.field(description="Its name.")
    level: int = strawberry.field(description="Its place among the tiers, 1 being the entry.")
    basis_points: int = strawberry.field(
        description="The proportional fee in hundredths of a percent: 300 is 3.00 %."
    )
    fixed_fees: list[Money] = strawberry.field(
        description="The fixed fee in each currency; an empty list is none in any currency."
    )
    description: str = strawberry.field(description="Whom it is for.")
    refund_policy: FeeRefundPolicy = strawberry.field(
        description="What becomes of the fee when money goes back."
    )
    is_default: bool = strawberry.field(description="Whether a new tenant starts on it.")
    is_archived: bool = strawberry.field(description="Whether it can no longer be assigned.")

    @classmethod
    def of(cls, tier: fees.FeeTier) -> FeeTier:
        """The tier as a client sees it."""
        return cls(
            id=strawberry.ID(tier.id),
            name=tier.name,
            level=tier.level,
            basis_points=tier.basis_points,
            fixed_fees=fixed_fee_list(tier.fixed_fees),
            description=tier.description,
            refund_policy=tier.refund_policy,
            is_default=tier.is_default,
            is_archived=tier.is_archived,
        )


def fixed_fee_list(fixed_fees: Mapping[str, int]) -> list[Money]:
    """Fixed fees in the order of their currencies."""
    return [Money.of(amount, currency) for currency, amount in sorted(fixed_fees.items())]
