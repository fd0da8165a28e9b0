"""One history's world: fresh tenants, a fresh gateway, a clock that nothing but the seed moves."""

from __future__ import annotations

import random
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

import domain.operations
from app.metrics import PrometheusMeasures
from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.intake import SqlIntake
from db.ledger_checks import SqlLedgerCheckDatabase
from db.roles import DatabaseRole
from db.seeding import add_tenant
from db.work import SqlDatabase
from domain.checkpoint import watched
from domain.comparing import GRACE, judged_until
from domain.endpoints import EndpointService
from domain.events import EventService
from domain.gaps import GapWalker
from domain.ledger_checks import LedgerChecks
from domain.receiving import ReceivingService
from domain.reconciling import Reconciler
from domain.services import OrderService, PaymentService
from domain.settling import Settler
from domain.tenant import Tenant
from sandbox.core import Sandbox
from sandbox.settings import SandboxSettings, VirtualClock
from sandbox.wire import Request
from tests.simulation.database import SteppedDatabase, stop_at_statements
from tests.simulation.gateway import KEY, Luck, SimulatedBalance, SimulatedHttp, SimulatedStripe
from tests.simulation.turns import Turns, luck
from webhooks.listed import listed_event

_CIPHER = AesGcmCipher({"k1": b"0" * 32}, "k1")
_CONNECTIONS = 12
_KEPT = ("alembic_version", "platform_fee_tiers")


START = 1_800_000_000.0
"""When every history begins: what goes by the hour of the day goes the same way each time."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Implements `domain.ports.Clock` over the sandbox's clock."""

    virtual: VirtualClock

    def now(self) -> datetime:
        """The time of the history."""
        return datetime.fromtimestamp(self.virtual.seconds, UTC)


@dataclass
class Woken:
    """Implements `domain.ports.Wake`: a queue in memory that may lose everything, as Redis may."""

    operations: list[str] = field(default_factory=list)

    async def operation(self, operation_id: str) -> None:
        """One operation waits."""
        self.operations.append(operation_id)

    async def webhook_event(self, webhook_event_id: str, attempts: int) -> None:
        """The sweeper finds it."""

    async def webhook_events(self, webhook_event_ids: Sequence[str]) -> None:
        """The sweeper finds them."""


_AT_THE_GATEWAY = "select id from payments where gateway_payment_id is not null"


@dataclass
class World:
    """The servers that outlast a history, and what one history has of its own."""

    engine: AsyncEngine
    api: AsyncEngine
    worker: AsyncEngine
    monitor: asyncpg.Connection[Any]
    turns: Turns
    clock: VirtualClock
    sandbox: Sandbox
    http: SimulatedHttp
    luck: Luck
    api_database: SteppedDatabase
    worker_database: SteppedDatabase
    tenants: list[Tenant]
    platform_gateway_id: str
    wake: Woken = field(default_factory=Woken)

    def __post_init__(self) -> None:
        self.ours = Clock(self.clock)
        self.stripe = SimulatedStripe(self.http)

    def payments(self) -> PaymentService:
        """A process of the API that has just started."""
        return PaymentService(self.api_database, self.stripe, self.wake, self.ours)

    def orders(self) -> OrderService:
        """The same, for orders."""
        return OrderService(self.api_database, self.ours)

    def settler(self) -> Settler:
        """A worker that has just started."""
        return Settler(self.worker_database, self.stripe, self.wake, self.ours)

    def events(self) -> EventService:
        """The same, for events."""
        return EventService(self.worker_database, self.stripe, self.wake, self.ours)

    def receiving(self) -> ReceivingService:
        """A process of the API that hears deliveries."""
        intake = SqlIntake(self.api, keeps_connections=False)
        return ReceivingService(intake, self.wake, PrometheusMeasures())

    def walker(self) -> GapWalker:
        """A worker that compares the gateway's list with the inbox."""
        database = SqlDatabase(self.worker, _CIPHER)
        measures = PrometheusMeasures()
        receiving = self.receiving()
        return GapWalker(database, self.stripe, receiving, listed_event, measures, self.ours)

    def dashboard(self, path: str, **form: str) -> int:
        """A call of the gateway beside Tollgate; its HTTP status."""
        headers = {"authorization": f"Bearer {KEY}"}
        body = urlencode(form).encode()
        return self.sandbox.handle(Request("POST", path, "", headers, body)).status

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What a statement finds, as the owner sees it."""
        return [tuple(row) for row in await self.monitor.fetch(statement)]

    async def unreconciled(self) -> list[str]:
        """What the gateway's own lists say otherwise than we, once all of it is old enough."""
        self.clock.advance(GRACE.total_seconds() + 1)
        database = SqlDatabase(self.worker, _CIPHER)
        balance = SimulatedBalance(self.http)
        reconciler = Reconciler(database, balance, self.wake, self.ours, repair_as=None)
        async with database.begin_across_tenants() as work:
            account = await work.tenants.gateway_by_id(self.platform_gateway_id)
        assert account is not None
        begin, left = datetime.fromtimestamp(START, UTC), list[str]()
        until, payments = judged_until(self.ours.now()), 0
        while begin < until:
            found = await reconciler.span(account, begin, until)
            left += [str(each) for each in found.left]
            begin, payments = found.span.end, payments + found.payments
        assert payments or not await self.monitor.fetch(_AT_THE_GATEWAY), "it saw no payment"
        return left

    async def wrong_books(self) -> list[str]:
        """What payments hold and their books do not confirm."""
        checks = LedgerChecks(SqlLedgerCheckDatabase(self.engine))
        verdicts = [await checks.check(each.id, checked=bool) for each in self.tenants]
        return [str(difference) for verdict in verdicts for difference in verdict.differences]


@dataclass
class Servers:
    """What is opened once for many histories."""

    engine: AsyncEngine
    api: AsyncEngine
    worker: AsyncEngine
    monitor: asyncpg.Connection[Any]
    tables: Sequence[str]
    turns: Turns

    async def forget(self) -> None:
        """Empties the database. Triggers and keys that forbid it are the product's, not ours."""
        emptied = "; ".join(f"DELETE FROM {table}" for table in self.tables)  # noqa: S608
        await self.monitor.execute(
            f"BEGIN; SET LOCAL session_replication_role = replica; {emptied};"  # noqa: S608
            " DELETE FROM tenant_payment_gateways WHERE tenant_id IS NOT NULL; COMMIT"
        )


@asynccontextmanager
async def servers(database_url: str) -> AsyncIterator[Servers]:
    """Pools over a migrated database that nobody else uses."""
    engine = make_engine(database_url, pool_size=2)
    api = make_engine(database_url, pool_size=_CONNECTIONS, role=DatabaseRole.API)
    worker = make_engine(database_url, pool_size=_CONNECTIONS, role=DatabaseRole.WORKER)
    monitor = await asyncpg.connect(database_url)
    # Those that guard the audit fire always; here they must not while a history is forgotten.
    for row in await monitor.fetch(
        "select tgrelid::regclass::text as name, tgname from pg_trigger where tgenabled = 'A'"
    ):
        await monitor.execute(f"ALTER TABLE {row['name']} ENABLE TRIGGER {row['tgname']}")
    tables = await monitor.fetch(
        "select tablename from pg_tables where schemaname = 'public'"
        " and tablename <> 'tenant_payment_gateways'"
    )
    names = sorted(row["tablename"] for row in tables if row["tablename"] not in _KEPT)
    turns = Turns(monitor, 0, 0.0)
    for pool in (engine, api, worker):
        async with pool.connect() as first:  # what a pool asks once must not be a history's turn
            await first.execute(text("select 1"))
    for pool in (api, worker):
        stop_at_statements(pool, turns)
    try:
        yield Servers(engine, api, worker, monitor, names, turns)
    finally:
        await monitor.close()
        for pool in (engine, api, worker):
            await pool.dispose()


@asynccontextmanager
async def opened(at: Servers, seed: int, chance: random.Random) -> AsyncIterator[World]:
    """A world for one history."""
    await at.forget()
    at.turns.begin(seed, chance.choice((0.0, 0.004, 0.015)))
    calls = Luck(chance.choice((0.0, 0.15, 0.4)), keeps_keys=chance.random() < 0.75)
    clock = VirtualClock(START)
    sandbox = Sandbox(SandboxSettings(clock=clock, seed=seed))
    http = SimulatedHttp(sandbox, at.turns, calls)
    faults = chance.choice((0.0, 0.0, 0.02))
    tenants = [
        (await add_tenant(at.engine, name=name, slug=name, tier_level=1, default_currency="USD"))[0]
        for name in ("acme", "zenith")[: chance.randint(1, 2)]
    ]
    # The hourly walk over the gateway's list begins where a row was made.
    await at.monitor.execute(
        "UPDATE tenant_payment_gateways SET created_at = $1", datetime.fromtimestamp(START, UTC)
    )
    world = World(
        at.engine,
        at.api,
        at.worker,
        at.monitor,
        at.turns,
        clock,
        sandbox,
        http,
        calls,
        SteppedDatabase(SqlDatabase(at.api, _CIPHER), at.turns, faults),
        SteppedDatabase(SqlDatabase(at.worker, _CIPHER), at.turns, faults),
        tenants,
        platform_gateway_id="",
    )
    endpoints = EndpointService(SqlDatabase(at.api, _CIPHER), world.ours, livemode=False)
    world.platform_gateway_id = await endpoints.platform_gateway_id()
    assert (
        world.dashboard(
            "/v1/webhook_endpoints", **{"url": "http://tollgate.test/", "enabled_events[]": "*"}
        )
        == 200
    )
    jitter = luck(f"{seed}/jitter")
    with pytest.MonkeyPatch.context() as patch, watched(at.turns.passing):
        patch.setattr(secrets, "randbelow", jitter.randrange)
        patch.setattr(domain.operations, "RECORD_PAUSES_SECONDS", (0.0,))
        yield world
