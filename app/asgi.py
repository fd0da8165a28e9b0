"""The API, put together: every part is made here, and closed here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from app.admission import Admission
from app.auth import TokenVerifier
from app.beat import Heart, RequestTally
from app.budgets import CountedDoor
from app.clock import SystemClock
from app.database import cipher_of
from app.gateway import stripe_of, watched
from app.graphiql import graphiql_routes
from app.graphql import GraphQLEndpoint, Services
from app.guard import GraphQLGuard
from app.headers import answer_fault
from app.jwks import Jwks
from app.loops import keep_running
from app.metrics import PrometheusMeasures
from app.middleware import middleware
from app.policy import Policy
from app.pools import Pools
from app.probes import Probe, probe_routes
from app.refusal import answer_unserved
from app.settings import Settings
from app.tracing import Tracing, Untraced
from app.use_cases import services_of
from app.viewer import viewer_routes
from db.intake import SqlIntake
from db.platform_reads import SqlPlatformReads
from db.revocations import SqlRevocations
from db.signs import SqlSigns
from db.webhook_health import SqlInboxHealthReads
from db.work import SqlDatabase
from domain.endpoints import EndpointService
from domain.receiving import ReceivingService
from domain.services import PaymentService
from domain.signs import ProcessKind
from schema.schema import schema
from webhooks.health import health_routes as webhook_health_routes
from webhooks.routes import StripeEndpoints
from webhooks.routes import routes as webhook_routes
from webhooks.wake import ArqWake


def create_app(
    settings: Settings,
    measures: PrometheusMeasures | None = None,
    tracing: Tracing | None = None,
) -> Starlette:
    """The API as an ASGI application. Its pools open on first use and close with its lifespan.
    Raises SettingsError for a manifest of trusted documents that cannot be used."""
    measures = measures or PrometheusMeasures()
    tracing = tracing or Untraced()
    tally = RequestTally()
    policy, pools, clock = Policy.of(settings), Pools.of(settings), SystemClock()
    pools.watched_by(measures.database)
    database = SqlDatabase(pools.api, cipher_of(settings), measures.commits)
    stripe = stripe_of(settings)
    gateway = watched(stripe, measures.gateway, tracing)
    wake = ArqWake(settings.redis_url.get_secret_value())
    payments = PaymentService(database, gateway, wake, clock)
    services = services_of(settings, pools, database, gateway, payments, wake, clock)
    door = CountedDoor(_admission(settings, pools, services), policy.budgets)
    endpoints = EndpointService(database, clock, livemode=gateway.livemode)
    webhooks = _webhooks(settings, SqlIntake(pools.inbox), endpoints, wake, measures)
    app = Starlette(
        routes=[
            *webhook_routes(webhooks),
            *(graphiql_routes(settings) if settings.graphiql else ()),
            Route("/graphql", GraphQLGuard(GraphQLEndpoint(schema, door, services, policy))),
            *viewer_routes(door, services.acting),
            *_webhook_health_routes(settings, SqlInboxHealthReads(pools.platform), clock),
            *probe_routes(Probe(pools, wake, clock)),
        ],
        middleware=middleware(settings, measures.requests, tally, tracing),
        exception_handlers={HTTPException: answer_unserved, Exception: answer_fault},
        lifespan=_living(
            Heart(SqlSigns(pools.beat), ProcessKind.API, [pools.api], clock, tally),
            payments.drain,
            webhooks.drain,
            wake.close,
            policy.budgets.close,
            stripe.close,
            pools.dispose,
        ),
    )
    app.state.measures = measures
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


def _admission(settings: Settings, pools: Pools, services: Services) -> Admission:
    remote = Jwks(settings.jwks_url) if settings.jwks_url else None
    directory = SqlPlatformReads(pools.platform)
    verifier = TokenVerifier(settings, remote)
    return Admission(verifier, services.reads, SqlRevocations(pools.api), directory)


def _without_redirects(app: Starlette) -> Starlette:
    # a slash too many would send the caller to whatever Host it wrote
    app.router.redirect_slashes = False
    return app


def _living(
    heart: Heart, *closers: Callable[[], Awaitable[None]]
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        stop = asyncio.Event()
        beating = asyncio.create_task(keep_running("the heart", heart.run, stop))
        yield
        stop.set()
        await beating
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
