"""The development data set: one tenant on each fee tier."""

from __future__ import annotations

from dataclasses import dataclass

from app.settings import Settings
from db.engine import make_engine
from db.seeding import add_tenant
from domain.gateways.stripe_requests import is_live_key
from domain.tenant import Tenant


@dataclass(frozen=True, slots=True)
class SeedResult:
    """The tenants, by the name of their tier."""

    starter: Tenant
    professional: Tenant
    enterprise: Tenant

    @property
    def tenants(self) -> tuple[Tenant, ...]:
        """All of them, from the lowest tier up."""
        return (self.starter, self.professional, self.enterprise)


async def seed(settings: Settings) -> SeedResult:
    """Makes the tenants that are missing; those that are there stay as they are."""
    engine = make_engine(settings.database_url.get_secret_value(), pool_size=1)
    try:
        made = [
            await add_tenant(
                engine,
                name=name,
                slug=slug,
                tier_level=tier_level,
                default_currency="USD",
                livemode=is_live_key(settings.stripe_secret_key.get_secret_value()),
            )
            for name, slug, tier_level in (
                ("Acme", "acme", 1),
                ("Globex", "globex", 2),
                ("Initech", "initech", 3),
            )
        ]
    finally:
        await engine.dispose()
    starter, professional, enterprise = (tenant for tenant, _ in made)
    return SeedResult(starter, professional, enterprise)
