"""The guard in front of the GraphQL endpoint: bytes in, one JSON object out, or a refusal in JSON.

Nothing is buffered beyond the cap, and whatever the bytes are, the answer is no 5xx.
"""

from __future__ import annotations

import asyncio
import json
from typing import Never

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.refusal import Refusal, accepted_media_type

BODY_BYTES_MAX = 64 * 1024
BODY_SECONDS_MAX = 10.0
"""How long a caller may take for its body."""

DEPTH_MAX = 32
"""Levels of objects and lists."""

INTEGER_DIGITS_MAX = 19
"""What 64 bits can hold; a longer number only costs time."""

BODY = "tollgate.graphql_body"
"""Where the scope holds the parsed body for the endpoint."""

BODY_BYTES = "tollgate.graphql_body_bytes"
"""Where the scope holds how long it was."""


class _CallerGone(Exception):
    """The caller hung up: there is nobody to answer."""


class GraphQLGuard:
    """Lets through a POST whose body is one JSON object of a decent size, parsed."""

    def __init__(self, app: ASGIApp, *, body_seconds_max: float = BODY_SECONDS_MAX) -> None:
        self.app = app
        self._body_seconds_max = body_seconds_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            check_headers(scope)
            body = await self._read(receive)
            scope[BODY], scope[BODY_BYTES] = read_object(body), len(body)
        except Refusal as refusal:
            await refusal.response(scope)(scope, receive, send)
        except _CallerGone:
            return
        else:
            await self.app(scope, receive, send)

    async def _read(self, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(self._body_seconds_max):
                return await _read_capped(receive)
        except TimeoutError:
            raise Refusal(408, "The body took too long.", headers=_CLOSE) from None


_CLOSE = {"Connection": "close"}
"""Said where the rest of a body is left unread."""


def only_over_post() -> Refusal:
    """The answer to every other method."""
    return Refusal(405, "GraphQL is spoken over POST.", headers={"Allow": "POST"} | _CLOSE)


def check_headers(scope: Scope) -> None:
    """Raises Refusal for what can be refused before the body is read."""
    headers = Headers(scope=scope)
    if scope["method"] != "POST":
        raise only_over_post()
    if accepted_media_type(scope) is None:
        raise Refusal(406, "Answers are JSON.", headers=_CLOSE)
    if not _is_json(headers.getlist("content-type")):
        raise Refusal(415, "The body is application/json in UTF-8.", headers=_CLOSE)
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refusal(415, "The body is not compressed.", headers=_CLOSE)
    announced = headers.get("content-length", "0")
    if len(announced) > INTEGER_DIGITS_MAX or (
        announced.isascii() and announced.isdigit() and int(announced) > BODY_BYTES_MAX
    ):
        _refuse_large()


def read_object(body: bytes) -> dict[str, object]:
    """The JSON object in the body. Raises Refusal (400)."""
    try:
        value = json.loads(
            body.decode(),
            parse_int=_read_integer,
            parse_constant=_refuse_constant,
            object_pairs_hook=_read_pairs,
        )
    except (ValueError, RecursionError):
        raise Refusal(400, "The body is not JSON in UTF-8.") from None
    if not isinstance(value, dict):
        raise Refusal(400, "The body is one JSON object; batches are not taken.")
    _check_depth(value)
    return value


async def _read_capped(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _CallerGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            _refuse_large()
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _refuse_large() -> Never:
    raise Refusal(413, f"The body has more than {BODY_BYTES_MAX} bytes.", headers=_CLOSE)


def _is_json(content_types: list[str]) -> bool:
    if len(content_types) != 1:
        return False
    media_type, *parameters = (part.strip().lower() for part in content_types[0].split(";"))
    charsets = [part for part in parameters if part.startswith("charset=")]
    return media_type == "application/json" and set(charsets) <= {
        "charset=utf-8",
        'charset="utf-8"',
    }


def _read_integer(digits: str) -> int:
    if len(digits.lstrip("-")) > INTEGER_DIGITS_MAX:
        raise Refusal(400, f"An integer has at most {INTEGER_DIGITS_MAX} digits.")
    return int(digits)


def _read_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        # whoever read the body before us may have taken the other one (RFC 8259, section 4)
        raise Refusal(400, "A name comes twice in one object.")
    return members


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON (RFC 8259, section 6)")


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise Refusal(400, f"The body is nested more than {DEPTH_MAX} levels deep.")


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return [inner for inner in value.values() if isinstance(inner, dict | list)]
    if isinstance(value, list):
        return [inner for inner in value if isinstance(inner, dict | list)]
    return []
