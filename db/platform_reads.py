"""What the platform's own people may read across tenants, as the role `tollgate_platform`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import connected
from db.filters import among
from db.paging import count_rows, read_page
from db.tables import fee_overrides, tenants
from db.tenant_rows import override_of, tenant_of
from domain.fees import FeeOverride
from domain.ids import Prefix, is_id
from domain.reports import Page, PageRequest
from domain.tenant import Tenant

OVERRIDES_MAX = 1_000
"""How many overrides are listed at most."""

_BY_ID = select(tenants).where(tenants.c.id == bindparam("name"))
_BY_SLUG = select(tenants).where(tenants.c.slug == bindparam("name"))
_OVERRIDES = select(fee_overrides).order_by(fee_overrides.c.id.desc()).limit(OVERRIDES_MAX)
# Named as its source: a count selects no column of it.
_EVERY = select(tenants).select_from(tenants)
_ALL = _EVERY.order_by(tenants.c.id)


class SqlPlatformReads:
    """Reads of which none is bound to a tenant."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def tenant_named(self, id_or_slug: str) -> Tenant | None:
        """The tenant with this id or slug; what has the shape of an id is one. Raises
        DatabaseUnavailable."""
        named = _BY_ID if is_id(id_or_slug, Prefix.TENANT) else _BY_SLUG
        async with connected(self._engine) as connection:
            row = (await connection.execute(named, {"name": id_or_slug})).first()
        return None if row is None else tenant_of(row)

    async def tenants_by_ids(self, ids: Sequence[str]) -> Sequence[Tenant]:
        """The tenants with these ids, in no order. Raises DatabaseUnavailable."""
        async with connected(self._engine) as connection:
            found = await connection.execute(select(tenants).where(among(tenants.c.id, ids)))
            return [tenant_of(row) for row in found]

    async def tenant_page(self, page: PageRequest) -> Page[Tenant]:
        """One slice of all tenants, newest first. Raises DatabaseUnavailable."""
        async with connected(self._engine) as connection:
            return await read_page(connection, _EVERY, tenants.c.id, page, tenant_of)

    async def tenant_count(self) -> int | None:
        """How many tenants there are; None above COUNT_MAX. Raises DatabaseUnavailable."""
        async with connected(self._engine) as connection:
            return await count_rows(connection, _EVERY)

    async def overrides(self, tenant_id: str | None) -> Sequence[FeeOverride]:
        """The tenant's overrides, or every tenant's, newest first, OVERRIDES_MAX at most. Raises
        DatabaseUnavailable."""
        wanted = _OVERRIDES
        if tenant_id is not None:
            wanted = wanted.where(fee_overrides.c.tenant_id == tenant_id)
        async with connected(self._engine) as connection:
            return [override_of(row) for row in await connection.execute(wanted)]

    async def tenants(self) -> Sequence[Tenant]:
        """Every tenant, oldest first. Raises DatabaseUnavailable."""
        async with connected(self._engine) as connection:
            return [tenant_of(row) for row in await connection.execute(_ALL)]
