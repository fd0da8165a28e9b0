"""A shop, and what reconciles it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from domain.gateways.stripe_balance import StripeBalance
from tests.integration.reconciliation.reconciled import Reconciling
from tests.integration.webhooks.shop import NO_REDIS, Shop, opened


@pytest_asyncio.fixture
async def shop(database_url: str, sandbox_url: str) -> AsyncIterator[Shop]:
    """A shop that hears no events unless a test delivers them."""
    async with opened(database_url, NO_REDIS, sandbox_url) as opened_shop:
        yield opened_shop


@pytest_asyncio.fixture
async def reconciling(shop: Shop) -> AsyncIterator[Reconciling]:
    """Its reconciliation, without pauses."""
    gateway = StripeBalance(
        secret_key=shop.stripe_key, api_base=shop.control.url, pause_seconds=0.0
    )
    yield Reconciling(shop, gateway)
    await gateway.close()
