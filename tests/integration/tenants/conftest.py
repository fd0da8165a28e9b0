"""Two tenants on one API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from db.seeding import add_tenant
from tests.integration.db.conftest import Merchant
from tests.integration.tenants.matrix import Matrix
from tests.integration.tenants.people import furnished, opened
from tests.integration.tenants.pricing_office import Office
from tests.integration.tenants.wire import counted


@pytest_asyncio.fixture
async def matrix(
    data_folder: Path, database_url: str, redis_url: str, sandbox_url: str
) -> AsyncIterator[Matrix]:
    """Our tenant and the other one, served by the real application. No worker runs, so that
    nothing changes by itself."""
    async with (
        counted(sandbox_url) as (url, wire),
        opened(data_folder, database_url, redis_url, url) as api,
    ):
        ours = await furnished(api, "acme")
        theirs = await furnished(api, "globex")
        yield Matrix(api, wire, ours, theirs)


@pytest_asyncio.fixture
async def office(
    data_folder: Path, database_url: str, redis_url: str, sandbox_url: str
) -> AsyncIterator[Office]:
    """The real application, with one tenant on Starter."""
    async with opened(data_folder, database_url, redis_url, sandbox_url) as api:
        made = await add_tenant(
            api.engine, name="Acme", slug="acme", tier_level=1, default_currency="USD"
        )
        yield Office(api, Merchant(*made))
