"""The Stripe adapter on a sandbox of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from domain.gateways.stripe_gateway import StripeGateway
from tests.integration.domain.sandbox import SandboxControl

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
