"""A migrated database of one's own, with two merchants in it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.reports import SqlReads
from db.seeding import add_tenant
from db.work import SqlDatabase
from domain.tenant import GatewayAccount, Tenant


@dataclass(frozen=True, slots=True)
class Merchant:
    """A tenant and the gateway row through which it is paid."""

    tenant: Tenant
    gateway: GatewayAccount

    @property
    def id(self) -> str:
        """The tenant's id."""
        return self.tenant.id


@pytest.fixture(scope="session")
def cipher() -> AesGcmCipher:
    """A cipher with a made-up key."""
    return AesGcmCipher({"test": bytes(range(32))}, "test")


@pytest_asyncio.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A pool that gives up on a lock soon, so that a deadlock fails the test quickly."""
    engine = make_engine(database_url, lock_timeout_seconds=3)
    yield engine
    await engine.dispose()


@pytest.fixture
def database(engine: AsyncEngine, cipher: AesGcmCipher) -> SqlDatabase:
    """The transactions under test."""
    return SqlDatabase(engine, cipher)


@pytest.fixture
def reads(engine: AsyncEngine, cipher: AesGcmCipher) -> SqlReads:
    """The reads under test."""
    return SqlReads(engine, cipher)


@pytest_asyncio.fixture
async def merchant(engine: AsyncEngine) -> Merchant:
    """A tenant on the Starter tier."""
    return Merchant(
        *await add_tenant(engine, name="Acme", slug="acme", tier_level=1, default_currency="USD")
    )


@pytest_asyncio.fixture
async def rival(engine: AsyncEngine) -> Merchant:
    """Another tenant, who must see nothing of the first."""
    return Merchant(
        *await add_tenant(
            engine, name="Globex", slug="globex", tier_level=2, default_currency="EUR"
        )
    )
