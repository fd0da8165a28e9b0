"""What prices and tenants need of the database, as the platform's own people may write it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from domain.fees import FeeOverride, FeeTier
from domain.ports import AuditStore
from domain.reports import Page, PageRequest
from domain.tenant import Tenant


class LevelTaken(Exception):
    """A tier in use has this level already."""


class PeriodTaken(Exception):
    """The tenant has an override that is in force within this period."""


class SlugTaken(Exception):
    """A tenant has this slug already."""


class TierStore(Protocol):
    """Price lists."""

    async def lock(self, tier_id: str) -> FeeTier:
        """The tier, its row locked until the transaction ends. Raises NotFound."""
        ...

    async def default(self) -> FeeTier:
        """The tier on which a new tenant starts, its row locked likewise."""
        ...

    async def add(self, tier: FeeTier) -> None:
        """Raises LevelTaken."""
        ...

    async def save(self, tier: FeeTier) -> None:
        """Raises LevelTaken."""
        ...

    async def count_tenants(self, tier_id: str) -> int:
        """How many tenants pay by it."""
        ...


class OverrideStore(Protocol):
    """Tenants' own prices. They are written under their tenant's lock alone."""

    async def find(self, override_id: str) -> FeeOverride:
        """The override. Raises NotFound."""
        ...

    async def add(self, override: FeeOverride) -> None:
        """Raises PeriodTaken."""
        ...

    async def end(self, override: FeeOverride, at: datetime) -> None:
        """Sets when it ends."""
        ...


class PricedTenantStore(Protocol):
    """Tenants, and what they pay by."""

    async def lock(self, tenant_id: str) -> Tenant:
        """The tenant, its row locked until the transaction ends. Raises NotFound."""
        ...

    async def add(self, tenant: Tenant, *, livemode: bool) -> None:
        """With the row by which it is paid through the platform's account. Raises SlugTaken."""
        ...

    async def assign(self, tenant_id: str, tier_id: str) -> None:
        """Has the tenant pay by the tier from its next payment on."""
        ...


class PricingWork(Protocol):
    """One transaction."""

    @property
    def tiers(self) -> TierStore: ...
    @property
    def overrides(self) -> OverrideStore: ...
    @property
    def tenants(self) -> PricedTenantStore: ...
    @property
    def audit(self) -> AuditStore: ...

    async def commit(self) -> None: ...


class PricingDatabase(Protocol):
    """Opens transactions in the platform's own role."""

    def begin(self) -> AbstractAsyncContextManager[PricingWork]: ...


class PlatformReads(Protocol):
    """What the platform's own people see of all tenants."""

    async def tenant_page(self, page: PageRequest) -> Page[Tenant]:
        """One slice of all tenants, newest first."""
        ...

    async def tenant_count(self) -> int | None:
        """How many there are; None above `reports.COUNT_MAX`."""
        ...

    async def tenants_by_ids(self, ids: Sequence[str]) -> Sequence[Tenant]: ...

    async def overrides(self, tenant_id: str | None) -> Sequence[FeeOverride]:
        """The tenant's overrides, or every tenant's, newest first."""
        ...
