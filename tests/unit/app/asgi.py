"""A caller of an ASGI application without a socket: the bytes are said exactly as given."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message

from tests.canaries import refuse_in_answer

Header = tuple[str, str]
JSON_HEADERS: Sequence[Header] = (("Content-Type", "application/json"),)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the application said."""

    status: int
    headers: Headers
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> object:
        """The code of the first error."""
        return self.json["errors"][0]["extensions"]["code"]


async def send(
    app: ASGIApp,
    body: bytes | Iterable[bytes] = b"",
    *,
    method: str = "POST",
    path: str = "/graphql",
    headers: Sequence[Header] = JSON_HEADERS,
    hangs: bool = False,
    hangs_up: bool = False,
    client: str = "127.0.0.1",
) -> Answer | None:
    """The answer to one request, None when there was none.

    `hangs` leaves the body unfinished for ever, `hangs_up` ends the connection after it.
    """
    chunks = [body] if isinstance(body, bytes) else list(body)
    messages: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
    ]
    if hangs_up:
        messages.append({"type": "http.disconnect"})
    elif not hangs:
        messages.append({"type": "http.request", "body": b"", "more_body": False})
    said: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0) if messages else await asyncio.Future()

    async def hear(message: Message) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "client": (client, 1234),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, hear)
    if not said:
        return None
    start, *rest = said
    content = b"".join(message.get("body", b"") for message in rest)
    refuse_in_answer(f"the answer of {path}", content)
    return Answer(start["status"], Headers(raw=start["headers"]), content)


async def answered(app: ASGIApp, body: bytes | Iterable[bytes] = b"", **how: Any) -> Answer:
    """The answer to a request that must be answered."""
    answer = await send(app, body, **how)
    assert answer is not None
    return answer
