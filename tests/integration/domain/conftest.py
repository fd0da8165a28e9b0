"""The Stripe adapter on a sandbox of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from domain.gateways.stripe_gateway import StripeGateway
from tests.integration.domain.sandbox import SandboxControl
from tests.integration.webhooks.shop import NO_REDIS, Shop, opened

SECRET_KEY = "sk_test_integration_of_the_domain"


@pytest_asyncio.fixture
async def gateway(sandbox_url: str) -> AsyncIterator[StripeGateway]:
    """The adapter as the API uses it."""
    adapter = StripeGateway(secret_key=SECRET_KEY, api_base=sandbox_url)
    yield adapter
    await adapter.close()


@pytest.fixture
def control(sandbox_url: str) -> SandboxControl:
    """The sandbox's control routes."""
    return SandboxControl(sandbox_url)


@pytest_asyncio.fixture
async def shop(database_url: str, sandbox_url: str) -> AsyncIterator[Shop]:
    """A shop without Redis: what the worker would do, the test does."""
    async with opened(database_url, NO_REDIS, sandbox_url) as opened_shop:
        yield opened_shop
