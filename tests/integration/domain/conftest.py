"""The Stripe adapter on a sandbox of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio

from domain.gateways.stripe_gateway import StripeGateway
from tests.e2e.sandbox.control import Control
from tests.integration.webhooks.shop import NO_REDIS, Shop, opened

SECRET_KEY = "sk_test_integration_of_the_domain"


@pytest_asyncio.fixture
async def gateway(sandbox_url: str) -> AsyncIterator[StripeGateway]:
    """The adapter as the API uses it."""
    adapter = StripeGateway(secret_key=SECRET_KEY, api_base=sandbox_url)
    yield adapter
    await adapter.close()


@pytest_asyncio.fixture
async def control(sandbox_url: str) -> AsyncIterator[Control]:
    """The sandbox's control routes."""
    async with aiohttp.ClientSession() as session:
        yield Control(sandbox_url, session)


@pytest_asyncio.fixture
async def shop(database_url: str, sandbox_url: str) -> AsyncIterator[Shop]:
    """A shop without Redis: what the worker would do, the test does."""
    async with opened(database_url, NO_REDIS, sandbox_url) as opened_shop:
        yield opened_shop
