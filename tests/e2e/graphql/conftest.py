"""Merchants of a running stack."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from app.settings import Settings, load_settings
from app.stack import Stack
from db.engine import make_engine
from db.seeding import add_tenant
from domain.caller import Role
from tests.e2e.graphql.merchant import Merchant, a_token


@pytest.fixture(scope="session")
def settings(stack: Stack) -> Settings:
    """What the running API was told."""
    return load_settings(stack.environment)


@pytest.fixture
def merchant(settings: Settings) -> Merchant:
    """A tenant of this test's own, on the Starter tier."""
    return new_merchant(settings)


@pytest.fixture
def competitor(settings: Settings) -> Merchant:
    """Another tenant."""
    return new_merchant(settings)


def new_merchant(settings: Settings) -> Merchant:
    """A new tenant with an administrator's token."""
    tenant_id = asyncio.run(_add_tenant(settings))
    return Merchant(settings, tenant_id, a_token(settings, tenant_id, Role.ADMIN))


async def _add_tenant(settings: Settings) -> str:
    engine = make_engine(settings.database_url.get_secret_value(), pool_size=1)
    name = f"shop-{secrets.token_hex(6)}"
    try:
        tenant, _ = await add_tenant(
            engine, name=name, slug=name, tier_level=1, default_currency="USD"
        )
    finally:
        await engine.dispose()
    return tenant.id
