"""What the platform's own people may read across tenants, as the role `tollgate_platform`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import connected
from db.tables import tenants
from db.tenant_rows import tenant_of
from domain.ids import Prefix, is_id
from domain.tenant import Tenant

_BY_ID = select(tenants).where(tenants.c.id == bindparam("name"))
_BY_SLUG = select(tenants).where(tenants.c.slug == bindparam("name"))
_ALL = select(tenants).order_by(tenants.c.id)


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

    async def tenants(self) -> Sequence[Tenant]:
        """Every tenant, oldest first. Raises DatabaseUnavailable."""
        async with connected(self._engine) as connection:
            return [tenant_of(row) for row in await connection.execute(_ALL)]
