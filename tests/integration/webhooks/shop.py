"""A tenant with everything it needs to be paid: real PostgreSQL, real sandbox, our own code."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncEngine

from app.metrics import PrometheusMeasures
from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.intake import SqlIntake
from db.ledger_checks import SqlLedgerCheckDatabase
from db.roles import DatabaseRole
from db.seeding import add_tenant
from db.work import SqlDatabase
from domain.caller import Actor, AuditActorType
from domain.commands import CreateOrder, StartPayment
from domain.endpoints import EndpointService
from domain.errors import OutcomeUnknown
from domain.events import EventService
from domain.gateways.stripe_gateway import StripeGateway
from domain.inbox import WebhookEvent
from domain.ledger_checks import LedgerChecks
from domain.order import Order
from domain.payment import GatewayType, Payment, PaymentMethodType
from domain.receiving import Delivery, ReceivingService
from domain.refund import Refund
from domain.services import OrderService, PaymentService
from domain.settling import Settler
from domain.tenant import Tenant
from tests.e2e.sandbox.control import Control
from webhooks.envelope import delivery_of, read_envelope
from webhooks.wake import ArqWake

USER = Actor(AuditActorType.USER, "tester")
NO_REDIS = "redis://127.0.0.1:1"
"""A port that nobody listens on."""


@dataclass
class MovableClock:
    """The machine's time, and what a test added to it."""

    ahead: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        """The time that the code under test believes."""
        return datetime.now(UTC) + self.ahead

    def advance(self, seconds: float) -> None:
        """Lets time pass at once."""
        self.ahead += timedelta(seconds=seconds)


@dataclass
class Shop:
    """One tenant's world, as the API and the worker see it, each in its own database role."""

    tenant: Tenant
    engine: AsyncEngine
    database: SqlDatabase
    worker_database: SqlDatabase
    gateway: StripeGateway
    clock: MovableClock
    wake: ArqWake
    stripe: aiohttp.ClientSession
    control: Control
    stripe_key: str
    intake: SqlIntake
    api: AsyncEngine
    worker: AsyncEngine
    measures: PrometheusMeasures = field(default_factory=PrometheusMeasures)
    books_are_whole: bool = True
    """Whether they are looked at in the end: not where a test broke them itself."""

    def __post_init__(self) -> None:
        ports = (self.gateway, self.wake, self.clock)
        self.endpoints = EndpointService(self.database, self.clock, livemode=self.gateway.livemode)
        self.receiving = ReceivingService(self.intake, self.wake, self.measures)
        self.events = EventService(self.worker_database, *ports)
        self.settler = Settler(self.worker_database, *ports)
        self.payments = PaymentService(self.database, *ports)
        self.orders = OrderService(self.database, self.clock)

    async def order(self, total: int = 10_000) -> Order:
        """A fresh order in dollars."""
        command = CreateOrder(
            reference=secrets.token_hex(8),
            total=total,
            currency="USD",
            idempotency_key=secrets.token_hex(8),
            metadata={},
        )
        return (await self.orders.create(USER, self.tenant.id, command)).order

    async def start_command(self, card: str = "pm_card_visa", total: int = 10_000) -> StartPayment:
        """The command that pays a fresh order with this card."""
        return StartPayment(
            order_id=(await self.order(total)).id,
            payment_method_type=PaymentMethodType.CARD,
            payment_method_ref=card,
            gateway_type=GatewayType.STRIPE,
            idempotency_key=secrets.token_hex(8),
            metadata={},
        )

    async def charge(self, card: str = "pm_card_visa", total: int = 10_000) -> Payment:
        """A fresh order charged with this card."""
        command = await self.start_command(card, total)
        return (await self.payments.charge(USER, self.tenant.id, command)).payment

    async def authorize(self, card: str = "pm_card_visa", total: int = 10_000) -> Payment:
        """A fresh order authorized on this card."""
        command = await self.start_command(card, total)
        return (await self.payments.authorize(USER, self.tenant.id, command)).payment

    async def lose_the_answer(self, card: str = "pm_card_visa") -> Payment:
        """A charge that took effect at the gateway while its answer was lost on the way."""
        await self.control.order_fault("drop_after", method="POST", path="/v1/payment_intents")
        command = await self.start_command(card)
        try:
            await self.payments.charge(USER, self.tenant.id, command)
        except OutcomeUnknown:
            return await self.payment_of(command.order_id)
        raise AssertionError("the answer was not lost")

    async def payment_of(self, order_id: str) -> Payment:
        """The one payment of the order, as it is now."""
        async with self.database.begin(self.tenant.id) as work:
            (payment,) = await work.payments.of_order(self.tenant.id, order_id)
        return payment

    async def now_of(self, payment: Payment) -> Payment:
        """The payment as it is now."""
        return await self.payment_of(payment.order_id)

    async def refunds_of(self, payment: Payment) -> Sequence[Refund]:
        """The payment's refunds, oldest first."""
        async with self.database.begin(self.tenant.id) as work:
            return await work.refunds.of_payment(self.tenant.id, payment.id)

    async def call_stripe(self, path: str, **form: str) -> Mapping[str, Any]:
        """A call of the sandbox as the dashboard would do it, beside Tollgate."""
        async with self.stripe.post(f"/v1/{path}", data=form) as answer:
            body: Mapping[str, Any] = await answer.json()
            assert answer.status == 200, body
        return body

    async def gateway_events(self, *types: str) -> list[dict[str, Any]]:
        """The account's events, oldest first; of these types only, when any are named."""
        async with self.stripe.get("/v1/events", params={"limit": "100"}) as answer:
            listed = (await answer.json())["data"]
        events = [dict(event) for event in reversed(listed)]
        return [event for event in events if not types or event["type"] in types]

    async def delivery(self, event: Mapping[str, Any]) -> Delivery:
        """The event as the platform's endpoint reads it."""
        envelope = read_envelope(_body(event))
        gateway_id = await self.endpoints.platform_gateway_id()
        return delivery_of(envelope, gateway_id, self.clock.now())

    async def receive(self, event: Mapping[str, Any], **changes: Any) -> Delivery:
        """The event stored as the route stores it; `changes` are made to its fields first."""
        delivery = await self.delivery({**event, **changes})
        is_held = delivery.document is not None
        receive = self.receiving.receive if is_held else self.receiving.receive_unreadable
        assert await receive([delivery]) == [None]
        await self.receiving.drain()
        return delivery

    async def process(self, event: Mapping[str, Any], **changes: Any) -> WebhookEvent:
        """The event as it stands after it was received and processed once."""
        stored = await self.receive(event, **changes)
        await try_event(self.events, stored.id)
        return await self.event(stored.id)

    async def event(self, webhook_event_id: str) -> WebhookEvent:
        """The event as it is stored now."""
        async with self.worker_database.begin_across_tenants() as work:
            found = await work.inbox.find(webhook_event_id)
        assert found is not None
        return found

    async def work_off(self) -> None:
        """Processes what is due until nothing is."""
        while claimed := await self.events.claim_due(100):
            for tried in claimed:
                await self.events.work_off(tried)

    async def rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """What the statement finds."""
        async with self.engine.connect() as connection:
            found = await connection.execute(sqlalchemy.text(statement), values)
            return [tuple(row) for row in found]

    async def write(self, statement: str, **values: object) -> None:
        """Runs and commits the statement."""
        async with self.engine.begin() as connection:
            await connection.execute(sqlalchemy.text(statement), values)

    async def alerts(self) -> list[tuple[Any, ...]]:
        """Open alerts: rule, severity, subject."""
        return await self.rows("select rule, severity, subject_id from alerts")

    async def timeline(self, payment: Payment) -> list[str]:
        """What happened to the payment, oldest first, but for answers that were lost."""
        found = await self.rows(
            "select action from audit_log where subject_id = :subject"
            " and action <> 'payment.outcome_unknown' order by id",
            subject=payment.id,
        )
        return [action for (action,) in found]


async def try_event(events: EventService, webhook_event_id: str) -> None:
    """One try of the event, unless it is done, not due, or held by a worker."""
    tried = await events.claim(webhook_event_id)
    if tried is not None:
        await events.work_off(tried)


async def wrong_books(engine: AsyncEngine) -> list[str]:
    """What payments hold and their books do not confirm, of all tenants. `engine` is the owner's:
    every test of a shop ends here, whatever it was about."""
    checks = LedgerChecks(SqlLedgerCheckDatabase(engine))
    verdicts = [
        await checks.check(tenant_id, checked=bool) for tenant_id in await checks.tenant_ids()
    ]
    return [str(difference) for verdict in verdicts for difference in verdict.differences]


@asynccontextmanager
async def opened(database_url: str, redis_url: str, sandbox_url: str) -> AsyncIterator[Shop]:
    """A shop on these servers, with a Stripe account of its own."""
    key = f"sk_test_{secrets.token_hex(12)}"
    cipher = AesGcmCipher({"k1": b"0" * 32}, "k1")
    engine = make_engine(database_url, pool_size=2)
    api = make_engine(database_url, pool_size=8, role=DatabaseRole.API)
    worker = make_engine(database_url, pool_size=8, role=DatabaseRole.WORKER)
    database, worker_database = SqlDatabase(api, cipher), SqlDatabase(worker, cipher)
    gateway = StripeGateway(secret_key=key, api_base=sandbox_url)
    wake = ArqWake(redis_url)
    stripe = aiohttp.ClientSession(sandbox_url, headers={"Authorization": f"Bearer {key}"})
    tenant, _ = await add_tenant(
        engine, name="Acme", slug="acme", tier_level=1, default_currency="USD"
    )
    clock, control, intake = MovableClock(), Control(sandbox_url, stripe), SqlIntake(api)
    shop = Shop(
        tenant,
        engine,
        database,
        worker_database,
        gateway,
        clock,
        wake,
        stripe,
        control,
        key,
        intake,
        api,
        worker,
    )
    try:
        yield shop
        await shop.payments.drain()
        assert not shop.books_are_whole or await wrong_books(engine) == []
    finally:
        await shop.payments.drain()
        await shop.receiving.drain()
        await stripe.close()
        await wake.close()
        await gateway.close()
        for pool in (engine, api, worker):
            await pool.dispose()


def _body(event: Mapping[str, Any]) -> bytes:
    """The event as it travels; a number beyond every float is how an infinity comes in."""
    return json.dumps(event).replace("Infinity", "1e999").encode()
