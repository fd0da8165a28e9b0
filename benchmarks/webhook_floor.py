"""The least that a webhook route can do and still answer for an event: check it, insert it, commit.

Both floors insert by asyncpg, one statement and one commit for each event, on conflict do nothing.
The naive one checks with the gateway's library and parses the body; the tuned one checks by hand,
finds id and type with a regular expression, and spares the pool its reset of each connection.
"""

from __future__ import annotations

import hmac
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
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
_ID = re.compile(r'"id": "(evt_\w+)"')
_TYPE = re.compile(r'"type": "(\w+\.\w+)"\n}')

Check = Callable[[str, bytes, str], tuple[str, str]]


def naive(secret: str, body: bytes, header: str) -> tuple[str, str]:
    """Id and type of an event that the library believes. Raises SignatureVerificationError."""
    text = body.decode()
    stripe.WebhookSignature.verify_header(text, header, secret, _TOLERANCE)
    event = json.loads(text)
    return event["id"], event["type"]


def tuned(secret: str, body: bytes, header: str) -> tuple[str, str]:
    """The same by hand. Raises ValueError."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    signed = hmac.digest(secret.encode(), parts["t"].encode() + b"." + body, "sha256").hex()
    is_fresh = abs(time.time() - int(parts["t"])) <= _TOLERANCE
    text = body.decode()
    event_id, event_type = _ID.search(text), _TYPE.search(text)
    if not is_fresh or not hmac.compare_digest(signed, parts["v1"]):
        raise ValueError("not signed")
    if event_id is None or event_type is None:
        raise ValueError("not an event")
    return event_id[1], event_type[1]


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
        event_id, event_type = check(secret, body, request.headers["stripe-signature"])
        await request.app.state.pool.fetchval(_INSERT, event_id, event_type, body.decode())
        return Response(status_code=200)

    return Starlette(routes=[Route(PATH, deliver, methods=["POST"])], lifespan=lifespan)
