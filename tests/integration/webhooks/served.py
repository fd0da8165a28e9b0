"""The webhook routes on a real socket, and deliveries to them."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import stripe
import uvicorn
from starlette.applications import Starlette

from db.work import SqlDatabase
from domain.endpoint_secrets import EndpointSecret
from domain.endpoints import EndpointService
from domain.receiving import Intake, ReceivingService
from tests.integration.webhooks.shop import Shop
from webhooks.routes import StripeEndpoints, routes
from webhooks.wake import ArqWake

SECRET = "whsec_platform"
CONNECT_SECRET = "whsec_connect"
PATH = "/api/webhooks/stripe"
EVENT: Mapping[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "customer.created",
    "livemode": False,
    "api_version": "2026-10-28.endive",
    "data": {"object": {"id": "cus_1", "object": "customer"}},
}


def an_event(**changes: object) -> bytes:
    """A body with these fields changed."""
    return json.dumps({**EVENT, **changes}).encode()


def signature(body: bytes, secret: str = SECRET, *, age: int = 0) -> str:
    """The header that the library's signer makes for the body."""
    signed_at = int(time.time()) - age
    return str(
        stripe.WebhookSignature.generate_signature_header(body.decode("utf-8"), secret, signed_at)
    )


@dataclass(frozen=True)
class Endpoint:
    """Where deliveries go."""

    port: int
    session: aiohttp.ClientSession

    async def post(
        self,
        body: bytes,
        *,
        secret: str = SECRET,
        headers: Mapping[str, str] | None = None,
        path: str = PATH,
    ) -> int:
        """The status that answers a signed delivery; `headers` come over the usual ones."""
        usual = {"Content-Type": "application/json", "Stripe-Signature": signature(body, secret)}
        async with self.session.post(path, data=body, headers={**usual, **(headers or {})}) as sent:
            assert await sent.read() == b""
            return sent.status

    async def raw(self, *pieces: bytes, seconds: float = 5.0) -> bytes:
        """What comes back for these bytes, each sent as it is, until the first line is there."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            async with asyncio.timeout(seconds):
                return await reader.readline()
        finally:
            writer.close()


@asynccontextmanager
async def served(
    shop: Shop,
    *,
    secrets: Sequence[str | EndpointSecret] = (SECRET,),
    connect_secrets: Sequence[str | EndpointSecret] = (CONNECT_SECRET,),
    body_seconds_max: float = 10.0,
    wake: ArqWake | None = None,
    intake: Intake | None = None,
    database: SqlDatabase | None = None,
) -> AsyncIterator[Endpoint]:
    """The routes behind uvicorn, as `tollgate serve` runs them: the shop's, or on other parts."""
    wake, database = wake or shop.wake, database or shop.database
    endpoints = StripeEndpoints(
        EndpointService(database, shop.clock, livemode=shop.gateway.livemode),
        ReceivingService(intake or shop.intake, wake, shop.measures),
        _as_secrets(secrets),
        _as_secrets(connect_secrets),
        shop.clock,
        shop.measures,
        body_seconds_max=body_seconds_max,
    )
    made = routes(endpoints)
    config = uvicorn.Config(
        Starlette(routes=made), lifespan="off", http="httptools", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            yield Endpoint(port, session)
        server.should_exit = True
        await serving
        await endpoints.drain()


def _as_secrets(given: Sequence[str | EndpointSecret]) -> list[EndpointSecret]:
    return [EndpointSecret(each) if isinstance(each, str) else each for each in given]


async def stored(shop: Shop) -> list[tuple[object, ...]]:
    """The events in the inbox: id and status."""
    return await shop.rows("select event_id, status from webhook_events order by event_id")
