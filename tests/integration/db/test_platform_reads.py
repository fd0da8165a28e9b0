"""What the platform's people read across tenants, under their own role."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import make_engine
from db.platform_reads import SqlPlatformReads
from db.roles import DatabaseRole
from tests.integration.db.conftest import Merchant


@pytest_asyncio.fixture
async def platform(database_url: str) -> AsyncIterator[SqlPlatformReads]:
    """The reads as the API makes them."""
    engine = make_engine(database_url, pool_size=1, role=DatabaseRole.PLATFORM)
    yield SqlPlatformReads(engine)
    await engine.dispose()


async def test_a_tenant_is_named_by_id_or_slug(
    platform: SqlPlatformReads, merchant: Merchant, rival: Merchant
) -> None:
    """Either names one tenant, exactly as it is written; anything else names nobody."""
    assert await platform.tenant_named(merchant.id) == merchant.tenant
    assert await platform.tenant_named("acme") == merchant.tenant
    assert await platform.tenant_named("globex") == rival.tenant
    for nobody in ("ACME", "acme ", "acm%", "Acme", "", "ten_0000000000000000000000000a"):
        assert await platform.tenant_named(nobody) is None


async def test_a_slug_cannot_pass_for_another_tenants_id(
    platform: SqlPlatformReads, engine: AsyncEngine, merchant: Merchant, rival: Merchant
) -> None:
    """Whoever takes another's id for its slug is not let into that tenant's place."""
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE tenants SET slug = :slug WHERE id = :id"),
            {"slug": merchant.id, "id": rival.id},
        )

    assert await platform.tenant_named(merchant.id) == merchant.tenant
