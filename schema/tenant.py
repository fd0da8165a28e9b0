"""The tenant, and the caller who looks at it."""

from __future__ import annotations

from datetime import datetime

import strawberry

from domain import tenant
from domain.caller import Caller, Role
from schema.context import Info
from schema.fee_tier import FeeTier
from schema.fields import computed
from schema.node import Node
from schema.scalars import Currency


@strawberry.type(description="A merchant of the platform.")
class Tenant(Node):
    name: str = strawberry.field(description="Its name.")
    slug: str = strawberry.field(description="Its name in addresses and on the command line.")
    default_currency: Currency = strawberry.field(description="The currency it mostly sells in.")
    is_active: bool = strawberry.field(description="Whether its tokens are accepted.")
    created_at: datetime = strawberry.field(description="When it joined.")
    fee_tier_id: strawberry.Private[str]

    @classmethod
    def of(cls, merchant: tenant.Tenant) -> Tenant:
        """The tenant as a client sees it."""
        return cls(
            id=strawberry.ID(merchant.id),
            name=merchant.name,
            slug=merchant.slug,
            default_currency=Currency(merchant.default_currency),
            is_active=merchant.is_active,
            created_at=merchant.created_at,
            fee_tier_id=merchant.fee_tier_id,
        )

    @computed("The price list it pays by, unless an override is in force.", allow="Tenant.feeTier")
    async def fee_tier(self, info: Info) -> FeeTier:
        tier = await info.context.loaders.fee_tier.load(self.fee_tier_id)
        if tier is None:
            raise LookupError(f"the tier {self.fee_tier_id} of tenant {self.id} is gone")
        return FeeTier.of(tier)


@strawberry.type(description="The caller, as its token says.")
class Viewer:
    id: strawberry.ID = strawberry.field(description="The token's subject.")
    roles: list[Role] = strawberry.field(description="What the token may do.")
    expires_at: datetime = strawberry.field(description="When the token ends.")
    tenant_id: strawberry.Private[str | None]

    @classmethod
    def of(cls, caller: Caller) -> Viewer:
        """The caller as it sees itself."""
        return cls(
            id=strawberry.ID(caller.subject),
            roles=[role for role in Role if role in caller.roles],
            expires_at=caller.expires_at,
            tenant_id=caller.tenant_id,
        )

    @computed(
        "The tenant it acts for; null for the platform's own staff, unless they name one, and for "
        "a shopper's page.",
        allow="Viewer.tenant",
    )
    async def tenant(self, info: Info) -> Tenant | None:
        if self.tenant_id is None:
            return None
        found = await info.context.loaders.tenant.load(self.tenant_id)
        return Tenant.of(found) if found else None
