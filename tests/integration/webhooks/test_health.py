"""GET /api/webhooks/health: what it says, when, and how seldom it asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event
from starlette.applications import Starlette

from db.engine import make_engine
from db.roles import DatabaseRole
from db.webhook_health import SqlInboxHealthReads
from domain.inbox import TRIES_MAX, WebhookEventStatus
from domain.webhook_health import InboxHealth, InboxHealthReads
from tests.integration.app.black_hole import a_black_hole
from tests.integration.webhooks.shop import MovableClock, Shop
from tests.unit.app.asgi import Answer, answered
from webhooks.health import CACHE_SECONDS, PATH, READ_SECONDS, health_routes

THRESHOLD = 120
WEBHOOKS = {"stripe": "active", "paypal": "not_implemented"}


@dataclass
class Probe:
    """Whoever asks for the health, with a clock of its own."""

    reads: InboxHealthReads
    clock: MovableClock
    is_active: bool = True
    queries: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.passed = 0.0
        routes = health_routes(
            self.reads,
            self.clock,
            is_active=self.is_active,
            degraded_seconds=THRESHOLD,
            monotonic=lambda: self.passed,
        )
        self.app = Starlette(routes=routes)

    async def ask(self) -> Answer:
        """The answer, which may be a few seconds old."""
        return await answered(self.app, method="GET", path=PATH)

    async def now(self) -> dict[str, Any]:
        """The body of a fresh answer that is 200."""
        self.passed += CACHE_SECONDS
        answer = await self.ask()
        assert answer.status == 200
        body: dict[str, Any] = answer.json
        return body


@pytest_asyncio.fixture
async def probe(shop: Shop, database_url: str) -> AsyncIterator[Probe]:
    """The route over the shop's database, in the platform's role."""
    engine = make_engine(database_url, pool_size=2, role=DatabaseRole.PLATFORM)
    probe = Probe(SqlInboxHealthReads(engine), shop.clock)

    def note(_: object, __: object, statement: str, *___: object) -> None:
        probe.queries.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    yield probe
    await engine.dispose()


async def test_a_fresh_inbox_is_healthy(probe: Probe) -> None:
    """The shape of the brief, and figures that say there is nothing."""
    answer = await probe.ask()

    assert answer.status == 200
    assert answer.json == {
        "success": True,
        "status": "healthy",
        "webhooks": WEBHOOKS,
        "lag_seconds": None,
        "oldest_unprocessed_seconds": None,
        "unprocessed": 0,
        "dead": 0,
    }


async def test_a_backlog_is_degraded_until_it_is_worked_off(probe: Probe, shop: Shop) -> None:
    """An event that no worker takes makes it degraded once it has waited beyond the threshold, and
    healthy again when it is worked off, its lag told."""
    await shop.charge()
    (one,) = await shop.gateway_events("payment_intent.succeeded")
    await shop.receive(one)
    shop.clock.advance(THRESHOLD - 10)
    waiting = await probe.now()
    shop.clock.advance(20)
    behind = await probe.now()
    await shop.work_off()
    done = await probe.now()

    assert (waiting["status"], waiting["unprocessed"]) == ("healthy", 1)
    assert behind["success"] is True
    assert (behind["status"], behind["unprocessed"]) == ("degraded", 1)
    assert THRESHOLD < behind["oldest_unprocessed_seconds"] < THRESHOLD + 60
    assert (done["status"], done["unprocessed"]) == ("healthy", 0)
    assert done["oldest_unprocessed_seconds"] is None
    assert THRESHOLD < done["lag_seconds"] < THRESHOLD + 60


async def test_an_event_that_waits_for_its_next_try_is_no_backlog(probe: Probe, shop: Shop) -> None:
    """With the gateway away an event is tried and put off: unprocessed, yet nobody is behind until
    it is due; after the last try it is dead, and counted."""
    await shop.charge()
    (one,) = await shop.gateway_events("charge.succeeded")
    await shop.control.order_fault("unavailable", method="GET", times=None)
    stored = await shop.process(one)
    assert stored.status is WebhookEventStatus.RETRY
    put_off = await probe.now()
    shop.clock.advance(THRESHOLD + 10)
    due = await probe.now()
    for _ in range(TRIES_MAX):
        await shop.work_off()
        shop.clock.advance(30_000)
    dead = await probe.now()

    assert (put_off["status"], put_off["unprocessed"]) == ("healthy", 1)
    assert put_off["oldest_unprocessed_seconds"] is None
    assert (due["status"], due["unprocessed"]) == ("degraded", 1)
    assert (dead["status"], dead["unprocessed"], dead["dead"]) == ("healthy", 0, 1)


async def test_without_a_secret_stripe_is_inactive(shop: Shop, probe: Probe) -> None:
    """Where no delivery can be taken, that is said."""
    answer = await Probe(probe.reads, shop.clock, is_active=False).ask()

    assert answer.json["webhooks"] == {"stripe": "inactive", "paypal": "not_implemented"}


async def test_it_tells_nothing_of_tenants(probe: Probe, shop: Shop) -> None:
    """Names, ids and amounts of what is in the inbox are not in the answer."""
    payment = await shop.lose_the_answer()
    for one in await shop.gateway_events():
        await shop.receive(one)
    body = (await probe.ask()).body.decode()

    for named in (shop.tenant.id, shop.tenant.slug, payment.id, "evt_", "pi_", "10000"):
        assert named not in body


async def test_a_flood_costs_one_query(probe: Probe) -> None:
    """Two hundred at once ask the database once, and not again while the answer is fresh."""
    answers = await asyncio.gather(*(probe.ask() for _ in range(200)))
    assert {answer.status for answer in answers} == {200}
    assert len(probe.queries) == 1
    probe.passed += CACHE_SECONDS - 0.1
    await asyncio.gather(*(probe.ask() for _ in range(200)))
    assert len(probe.queries) == 1
    probe.passed += 0.1
    await asyncio.gather(*(probe.ask() for _ in range(200)))
    assert len(probe.queries) == 2


async def test_who_hangs_up_leaves_the_others_an_answer(probe: Probe) -> None:
    """The request that asks the database may be gone before the answer: the next one asks."""
    first = asyncio.create_task(probe.ask())
    others = [asyncio.create_task(probe.ask()) for _ in range(20)]
    await asyncio.sleep(0)
    first.cancel()
    answers = await asyncio.gather(*others)

    assert {answer.status for answer in answers} == {200}
    assert len(probe.queries) <= 2


@dataclass
class Switch:
    """Now one database, now another."""

    reads: InboxHealthReads
    asked: int = 0

    async def inbox_health(self, now: datetime) -> InboxHealth:
        """The figures of the one that is switched to."""
        self.asked += 1
        return await self.reads.inbox_health(now)


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_database_that_is_away(probe: Probe, shop: Shop, *, hangs: bool) -> None:
    """Stopped or hanging, it is 503 without figures, which a flood does not ask for twice; once it
    is back, so is the answer."""
    with a_black_hole() as hole:
        port = hole.server.getsockname()[1] if hangs else 1
        engine = make_engine(f"postgresql://nobody:x@127.0.0.1:{port}/nowhere")
        switch = Switch(SqlInboxHealthReads(engine))
        away = Probe(switch, shop.clock)
        async with asyncio.timeout(READ_SECONDS + 5):
            answers = await asyncio.gather(*(away.ask() for _ in range(50)))
        await engine.dispose()
    switch.reads = probe.reads

    assert switch.asked == 1
    assert {answer.status for answer in answers} == {503}
    assert answers[0].json == {"success": False, "status": "unavailable", "webhooks": WEBHOOKS}
    assert (await away.now())["status"] == "healthy"
