"""The API, put together: every part is made here, and closed here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.admission import Admission
from app.auth import TokenVerifier
from app.budgets import CountedDoor
from app.checkout_tokens import JwtCheckoutSigner
from app.clock import SystemClock
from app.database import cipher_of
from app.graphiql import graphiql_routes
from app.graphql import GraphQLEndpoint, Services
from app.guard import GraphQLGuard
from app.headers import answer_fault
from app.jwks import Jwks
from app.metrics import PrometheusMeasures
from app.middleware import middleware
from app.policy import Policy
from app.refusal import answer_unserved
from app.settings import Settings
from app.viewer import viewer_routes
from db.audit_reads import SqlAuditReads
from db.engine import connected, make_engine
from db.inbox_reads import SqlInboxReads
from db.intake import SqlIntake
from db.ledger_reads import SqlLedgerReads
from db.platform_reads import SqlPlatformReads
from db.pricing import SqlPricingDatabase
from db.reports import SqlReads
from db.revocations import SqlRevocations
from db.roles import DatabaseRole
from db.webhook_health import SqlInboxHealthReads
from db.work import SqlDatabase
from domain.acting import ActingService
from domain.checkout import CheckoutService
from domain.configuring import GatewayService
from domain.endpoints import EndpointService
from domain.gateways.stripe_gateway import StripeGateway
from domain.ports import DatabaseUnavailable
from domain.pricing import PricingService
from domain.receiving import ReceivingService
from domain.replaying import ReplayService
from domain.services import OrderService, PaymentService
from schema.schema import schema
from webhooks.health import health_routes as webhook_health_routes
from webhooks.routes import StripeEndpoints
from webhooks.routes import routes as webhook_routes
from webhooks.wake import ArqWake

PLATFORM_POOL_SIZE = 2
"""Connections for the platform's own people, who are few."""

INBOX_POOL_SIZE = 3
"""Connections for webhook deliveries: the commits that are in flight at once, and one that buries.
"""

READY_SECONDS = 2.0
"""How long the database may take before an instance counts as not ready."""


def create_app(settings: Settings, measures: PrometheusMeasures | None = None) -> Starlette:
    """The API as an ASGI application. Its pools open on first use and close with its lifespan.
    Raises SettingsError for a manifest of trusted documents that cannot be used."""
    policy = Policy.of(settings)
    engine = _engine(settings, DatabaseRole.API, settings.db_pool_size)
    platform = _engine(settings, DatabaseRole.PLATFORM, PLATFORM_POOL_SIZE)
    inbox = _engine(settings, DatabaseRole.API, INBOX_POOL_SIZE)
    cipher = cipher_of(settings)
    database = SqlDatabase(engine, cipher)
    reads, platform_reads = SqlReads(engine, cipher), SqlPlatformReads(platform)
    gateway = StripeGateway(
        secret_key=settings.stripe_secret_key.get_secret_value(), api_base=settings.stripe_api_base
    )
    wake = ArqWake(settings.redis_url.get_secret_value())
    clock = SystemClock()
    payments = PaymentService(database, gateway, wake, clock)
    services = Services(
        orders=OrderService(database, clock),
        payments=payments,
        checkout=CheckoutService(database, JwtCheckoutSigner.of(settings), clock),
        gateways=GatewayService(database, gateway, clock, settings.public_url),
        replays=ReplayService(database, wake, clock),
        acting=ActingService(database, clock),
        pricing=PricingService(SqlPricingDatabase(platform), clock, livemode=gateway.livemode),
        platform=platform_reads,
        books=SqlLedgerReads(engine, platform),
        reads=reads,
        audit=SqlAuditReads(engine),
        inbox=SqlInboxReads(engine),
    )
    remote = Jwks(settings.jwks_url) if settings.jwks_url else None
    admission = Admission(
        TokenVerifier(settings, remote), reads, SqlRevocations(engine), platform_reads
    )
    door = CountedDoor(admission, policy.budgets)
    endpoints = EndpointService(database, clock, livemode=gateway.livemode)
    measures = measures or PrometheusMeasures()
    webhooks = _webhooks(settings, SqlIntake(inbox), endpoints, wake, measures)
    app = Starlette(
        routes=[
            *webhook_routes(webhooks),
            *(graphiql_routes(settings) if settings.graphiql else ()),
            Route("/graphql", GraphQLGuard(GraphQLEndpoint(schema, door, services, policy))),
            *viewer_routes(door, services.acting),
            *_webhook_health_routes(settings, SqlInboxHealthReads(platform), clock),
            *_health_routes(engine),
        ],
        middleware=middleware(settings),
        exception_handlers={HTTPException: answer_unserved, Exception: answer_fault},
        lifespan=_closing(
            payments.drain,
            webhooks.drain,
            wake.close,
            policy.budgets.close,
            gateway.close,
            *(pool.dispose for pool in (engine, platform, inbox)),
        ),
    )
    return _without_redirects(app)


def _webhooks(
    settings: Settings,
    intake: SqlIntake,
    endpoints: EndpointService,
    wake: ArqWake,
    measures: PrometheusMeasures,
) -> StripeEndpoints:
    return StripeEndpoints(
        endpoints,
        ReceivingService(intake, wake, measures),
        settings.stripe_webhook_secrets,
        settings.stripe_connect_webhook_secrets,
        SystemClock(),
        measures,
    )


def _engine(settings: Settings, role: DatabaseRole, pool_size: int) -> AsyncEngine:
    return make_engine(
        settings.database_url.get_secret_value(),
        pool_size=pool_size,
        application_name=f"tollgate api as {role}",
        role=role,
    )


def _without_redirects(app: Starlette) -> Starlette:
    # a slash too many would send the caller to whatever Host it wrote
    app.router.redirect_slashes = False
    return app


def _closing(
    *closers: Callable[[], Awaitable[None]],
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        for close in closers:
            await close()

    return lifespan


def _webhook_health_routes(
    settings: Settings, reads: SqlInboxHealthReads, clock: SystemClock
) -> list[Route]:
    has_secret = settings.stripe_webhook_secrets or settings.stripe_connect_webhook_secrets
    return webhook_health_routes(
        reads,
        clock,
        is_active=bool(has_secret),
        degraded_seconds=settings.webhook_degraded_seconds,
    )


def _health_routes(engine: AsyncEngine) -> list[BaseRoute]:
    async def live(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        if await _answers(engine):
            return JSONResponse({"status": "ok", "database": "ok"})
        return JSONResponse({"status": "unavailable", "database": "unreachable"}, 503)

    return [Route("/livez", live, methods=["GET"]), Route("/readyz", ready, methods=["GET"])]


async def _answers(engine: AsyncEngine) -> bool:
    try:
        async with asyncio.timeout(READY_SECONDS), connected(engine) as connection:
            await connection.execute(text("select 1"))
    except (DatabaseUnavailable, TimeoutError):
        return False
    return True
