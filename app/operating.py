"""What an operator's commands about one payment or operation work with."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.clock import SystemClock
from app.database import cipher_of, command_engine
from app.gateway import stripe_of
from app.settings import Settings
from db.roles import DatabaseRole
from db.work import SqlDatabase
from domain.caller import Actor, AuditActorType
from domain.gateways.stripe_gateway import StripeGateway
from webhooks.wake import ArqWake

Ports = tuple[SqlDatabase, StripeGateway, ArqWake, SystemClock]


def operator(name: str) -> Actor:
    """Who acts, for the audit: whoever calls the command says so, and nobody checks it."""
    return Actor(AuditActorType.SYSTEM, name, f"cli-{secrets.token_hex(8)}")


@asynccontextmanager
async def working(settings: Settings, *, command: str) -> AsyncIterator[Ports]:
    """As the worker's role, which records what the gateway says."""
    url = settings.database_url.get_secret_value()
    gateway = stripe_of(settings)
    wake = ArqWake(settings.redis_url.get_secret_value())
    try:
        async with command_engine(url, DatabaseRole.WORKER, command=command) as engine:
            yield SqlDatabase(engine, cipher_of(settings)), gateway, wake, SystemClock()
    finally:
        await wake.close()
        await gateway.close()
