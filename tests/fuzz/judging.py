"""What an answer must never be, whatever was asked."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp, Message

from tests.fuzz.attempts import Attempt
from tests.fuzz.values import PAN

SECONDS_MAX = 60.0
"""A request that takes longer hangs: the gateway itself is given up after 15 s."""

ROOT = Path(__file__).resolve().parents[2]
_INSIDE = re.compile(
    rb'Traceback|File "|site-packages|\.py\b|asyncpg|sqlalchemy|' + re.escape(str(ROOT)).encode()
)
"""A trace, a path, or the name of what Tollgate is made of."""

_CARD = re.compile(rb"(?<![\w.])(?<!Cents\":)(" + PAN.encode() + rb"|4242 4242 4242 4242)(?![\w])")
"""The card number by itself, other than as an amount."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the application said; status 0 when it said nothing."""

    status: int
    media_type: str
    body: bytes

    @property
    def code(self) -> str:
        """The code of the first error, or what else the body is."""
        try:
            said = json.loads(self.body)
        except ValueError:
            return "no JSON" if self.body else "no body"
        if not isinstance(said, dict) or not said.get("errors"):
            return "answered"
        return str(said["errors"][0].get("extensions", {}).get("code", "no code"))


async def reply_to(app: ASGIApp, made: Attempt, client: str) -> Reply:
    """The application's answer."""
    messages: list[Message] = [{"type": "http.request", "body": made.body, "more_body": False}]
    said: list[Message] = []

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def hear(message: Message) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": made.method,
        "scheme": "http",
        "path": made.path,
        "raw_path": made.path.encode(errors="replace"),
        "query_string": b"",
        "root_path": "",
        "headers": made.headers,
        "client": (client, 1234),
        "server": ("127.0.0.1", 80),
    }
    async with asyncio.timeout(SECONDS_MAX):
        await app(scope, receive, hear)
    if not said:
        return Reply(0, "", b"")
    headers = {name.lower(): value for name, value in said[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in said[1:])
    return Reply(said[0]["status"], headers.get(b"content-type", b"").decode("latin-1"), body)


def faults(made: Attempt, reply: Reply) -> Iterator[str]:
    """What is wrong with the answer."""
    if reply.status == 0 or reply.status >= 500:
        yield f"status {reply.status}"
    if _is_json_due(made, reply) and not (_is_json(reply.body) and "json" in reply.media_type):
        yield f"no JSON: {reply.media_type}"
    if found := _INSIDE.search(reply.body):
        yield f"shows what is inside: {found[0]!r}"
    if _CARD.search(reply.body):
        yield "repeats a card number"
    if reply.code == "INTERNAL_SERVER_ERROR":
        yield "a masked fault"


def _is_json_due(made: Attempt, reply: Reply) -> bool:
    """Stripe reads no body, a browser none of a preflight, and HEAD has none."""
    is_preflight = made.method == "OPTIONS" and any(name == b"origin" for name, _ in made.headers)
    is_webhook = made.path.startswith("/api/webhooks/stripe") and not reply.body
    return made.method != "HEAD" and not is_preflight and not is_webhook


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


BROKEN_OFF = "ConnectionError('unexpected connection_lost() call')"
"""What asyncpg leaves behind where a connect is given up before the server said whether it speaks
TLS: an exception that nobody is there to take, which asyncio logs as it is cleared away."""


class Errors(logging.Handler):
    """Keeps what is logged as an error: no request may cause one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps the record, with its trace."""
        if record.name == "asyncio" and BROKEN_OFF in record.getMessage():
            return
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        self.lines.append(f"{record.name}: {record.getMessage()} {trace[-1500:]}")

    def taken(self) -> list[str]:
        """What was kept since the last time."""
        lines, self.lines = self.lines, []
        return lines
