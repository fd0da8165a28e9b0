"""The request id: taken from the caller where it is sane, else made; in every answer and error."""

from __future__ import annotations

import re
import secrets

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.logging import redacted

HEADER = "X-Request-Id"
_NAME = HEADER.lower().encode()
_SANE = re.compile(r"[!-~]{1,64}")
_KEY = "tollgate.request_id"


def request_id_of(scope: Scope) -> str:
    """The request's id; made here when `RequestIds` is not in front."""
    if _KEY not in scope:
        given = [value.decode("latin-1") for name, value in scope["headers"] if name == _NAME]
        taken = given[0] if len(given) == 1 and _is_sane(given[0]) else None
        scope[_KEY] = taken or secrets.token_hex(16)
    return str(scope[_KEY])


def _is_sane(given: str) -> bool:
    """Short, visible, and nothing that the log would black out: the id is kept and repeated."""
    return _SANE.fullmatch(given) is not None and redacted(given) == given


class RequestIds:
    """Middleware: every answer carries the id of its request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = request_id_of(scope)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        await self.app(scope, receive, send_with_id)
