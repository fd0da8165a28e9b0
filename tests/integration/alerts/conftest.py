"""A shop that is watched over, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.integration.alerts.watch import Watch
from tests.integration.webhooks.shop import NO_REDIS, Shop, opened


@pytest_asyncio.fixture
async def shop(database_url: str, sandbox_url: str) -> AsyncIterator[Shop]:
    """A shop without Redis: events are worked off when the test says so."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        yield shop


@pytest_asyncio.fixture
async def watch(shop: Shop, database_url: str) -> AsyncIterator[Watch]:
    """The rounds over the shop's database, and its platform's people."""
    watch = Watch.of(shop, database_url)
    yield watch
    await watch.platform.dispose()
