"""The least that a webhook route can do and still answer for an event: check it, insert it, commit.

Both floors read id and type from the body by orjson and insert by asyncpg, one statement and one
commit for each event, on conflict do nothing. The naive one checks with the gateway's library; the
tuned one checks by hand, and spares the pool its reset of each connection.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
import orjson
import stripe
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PATH = "/webhooks"
TABLE = """
CREATE TABLE IF NOT EXISTS floor_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id TEXT COLLATE "C" NOT NULL UNIQUE,
    event_type TEXT NOT NULL,
    payload JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
)
"""
_INSERT = (
    "INSERT INTO floor_events (event_id, event_type, payload) VALUES ($1, $2, $3::text::jsonb)"
    " ON CONFLICT (event_id) DO NOTHING RETURNING id"
)
_POOL = 16
_TOLERANCE = 300

Check = Callable[[str, bytes, str], None]


def naive(secret: str, body: bytes, header: str) -> None:
    """Whether the library believes the body. Raises SignatureVerificationError."""
    stripe.WebhookSignature.verify_header(body.decode(), header, secret, _TOLERANCE)


def tuned(secret: str, body: bytes, header: str) -> None:
    """The same by hand. Raises ValueError."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    signed = hmac.digest(secret.encode(), parts["t"].encode() + b"." + body, "sha256").hex()
    is_fresh = abs(time.time() - int(parts["t"])) <= _TOLERANCE
    if not is_fresh or not hmac.compare_digest(signed, parts["v1"]):
        raise ValueError("not signed")


async def _as_it_was(_connection: object) -> None:
    """Leaves a connection as it is."""


def floor(database_url: str, secret: str, check: Check) -> Starlette:
    """A floor as an application."""
    reset: dict[str, Any] = {"reset": _as_it_was} if check is tuned else {}
    connect = partial(asyncpg.create_pool, database_url, min_size=_POOL, max_size=_POOL, **reset)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with connect() as pool:
            app.state.pool = pool
            yield

    async def deliver(request: Request) -> Response:
        body = await request.body()
        check(secret, body, request.headers["stripe-signature"])
        event = orjson.loads(body)
        await request.app.state.pool.fetchval(_INSERT, event["id"], event["type"], body.decode())
        return Response(status_code=200)

    return Starlette(routes=[Route(PATH, deliver, methods=["POST"])], lifespan=lifespan)
