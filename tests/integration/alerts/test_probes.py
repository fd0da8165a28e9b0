"""Probes: what a load balancer is told of an instance, and what it is not told to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from starlette.applications import Starlette

from app.beat import RequestTally
from app.pools import Pools
from app.probes import Probe, Readiness, probe_routes
from app.settings import Settings, load_settings
from db.engine import connected
from db.revision import known_revisions
from domain.signs import ProcessKind
from tests.integration.alerts.watch import Watch
from tests.integration.webhooks.shop import NO_REDIS, Shop
from tests.unit.app.asgi import answered
from tests.unit.app.test_settings import DEVELOPMENT
from webhooks.wake import ArqWake

FINE = Readiness("ok", "ok", "ok", "ok", "ok", "ok")


def at(database_url: str) -> Settings:
    """Of an API with two connections to this database."""
    given = {"DATABASE_URL": database_url, "TOLLGATE_DB_POOL_SIZE": "2"}
    return load_settings(DEVELOPMENT | given)


@pytest_asyncio.fixture
async def settings(database_url: str) -> Settings:
    """Of an API at this test's database."""
    return at(database_url)


@pytest_asyncio.fixture
async def pools(settings: Settings) -> AsyncIterator[Pools]:
    """Of that API."""
    pools = Pools.of(settings)
    yield pools
    await pools.dispose()


@pytest_asyncio.fixture
async def probe(pools: Pools, shop: Shop, redis_url: str) -> AsyncIterator[Probe]:
    """A probe with Valkey there."""
    wake = ArqWake(redis_url)
    yield Probe(pools, wake, shop.clock, fresh_seconds=0)
    await wake.close()


async def beat(watch: Watch) -> None:
    """A worker gives a sign of life."""
    heart = watch.heart(watch.shop.worker, kind=ProcessKind.WORKER, tally=RequestTally())
    await heart.beat()


async def test_all_is_well(watch: Watch, probe: Probe) -> None:
    """Database, migrations, worker, Valkey and pool."""
    await beat(watch)
    assert await probe.readiness() == FINE


async def test_a_stuck_worker_is_seen_within_a_minute(
    shop: Shop, watch: Watch, probe: Probe
) -> None:
    """Degraded: the instance takes payments, and nobody works off its events."""
    assert (await probe.readiness()).worker == "silent"
    await beat(watch)
    shop.clock.advance(31)
    found = await probe.readiness()
    assert (found.status, found.worker) == ("degraded", "silent")


async def test_a_full_pool_is_seen_at_once(watch: Watch, pools: Pools, probe: Probe) -> None:
    """The probe does not wait for the pool that it tells of."""
    await beat(watch)
    async with AsyncExitStack() as held:
        for _ in range(2):
            await held.enter_async_context(connected(pools.api))
        found = await probe.readiness()
    assert (found.status, found.pool) == ("degraded", "full")
    assert await probe.readiness() == FINE


async def test_without_valkey_it_is_degraded(watch: Watch, pools: Pools) -> None:
    """Events start later; nobody is refused."""
    await beat(watch)
    wake = ArqWake(NO_REDIS)
    found = await Probe(pools, wake, watch.shop.clock).readiness()
    assert (found.status, found.valkey) == ("degraded", "away")
    await wake.close()


async def test_migrations_that_lack_make_it_unavailable(
    shop: Shop, watch: Watch, probe: Probe
) -> None:
    """Behind is unavailable; ahead is what an old version meets while a new one is rolled out."""
    await beat(watch)
    await shop.write("update alembic_version set version_num = '0025'")
    found = await probe.readiness()
    assert (found.status, found.migrations) == ("unavailable", "behind")

    await shop.write("update alembic_version set version_num = '9999'")
    found = await probe.readiness()
    assert (found.status, found.migrations) == ("ok", "ahead")


@pytest.mark.parametrize(("gone", "status"), [(False, 200), (True, 503)])
async def test_the_status_says_it_too(
    watch: Watch, pools: Pools, redis_url: str, *, gone: bool, status: int
) -> None:
    """503 takes the instance out of rotation, which helps where it can serve nobody."""
    await beat(watch)
    nowhere = Pools.of(at("postgresql://u:p@127.0.0.1:1/t"))
    wake = ArqWake(redis_url)
    probe = Probe(nowhere if gone else pools, wake, watch.shop.clock)
    app = Starlette(routes=probe_routes(probe))
    ready = await answered(app, method="GET", path="/readyz")
    live = await answered(app, method="GET", path="/livez")
    version = await answered(app, method="GET", path="/version")

    assert (ready.status, live.status) == (status, 200)
    assert set(ready.json) == {"status", "database", "migrations", "worker", "valkey", "pool"}
    assert version.json == {"version": "0.1.0", "migration": known_revisions()[0]}
    await wake.close()
    await nowhere.dispose()


async def test_whoever_asks_all_the_time_costs_one_look(
    watch: Watch, pools: Pools, redis_url: str
) -> None:
    """A hundred at once have one answer; it is a moment old at most."""
    await beat(watch)
    wake = ArqWake(redis_url)
    probe = Probe(pools, wake, watch.shop.clock)
    found = await asyncio.gather(*(probe.readiness() for _ in range(100)))
    assert len({id(each) for each in found}) == 1
    assert found[0] == FINE
    await wake.close()
