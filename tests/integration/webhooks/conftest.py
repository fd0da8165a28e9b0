"""A shop for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.integration.webhooks.served import Endpoint, served
from tests.integration.webhooks.shop import NO_REDIS, Shop, opened


@pytest_asyncio.fixture
async def shop(database_url: str, sandbox_url: str) -> AsyncIterator[Shop]:
    """A shop without Redis: events are worked off when the test says so."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        yield shop


@pytest_asyncio.fixture
async def endpoint(shop: Shop) -> AsyncIterator[Endpoint]:
    """The routes over the shop's database."""
    async with served(shop) as endpoint:
        yield endpoint
