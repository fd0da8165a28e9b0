"""What every answer says to a browser, over and above what it is about.

After OWASP's HTTP headers and REST cheat sheets. An answer that says otherwise itself, as the
GraphQL IDE does of its scripts, is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.refusal import INTERNAL
from app.request_id import HEADER, request_id_of

DEFAULTS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
}
_DEFAULTS = tuple((name.lower().encode(), value.encode()) for name, value in DEFAULTS.items())
_ASK_AGAIN = (b"cache-control", b"no-cache")
_KEEP_NOT = (b"cache-control", b"no-store")


class SecurityHeaders:
    """Middleware: adds what an answer does not say itself. An answer is kept in no cache; a file,
    which has an ETag, is asked for again each time.

    `hsts_seconds` above 0 has browsers insist on https, said over https only (RFC 6797, 7.2); it
    speaks of this host alone, not of those below it.
    """

    def __init__(self, app: ASGIApp, *, hsts_seconds: int = 0) -> None:
        self.app = app
        self._hsts = f"max-age={hsts_seconds}" if hsts_seconds else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                add_defaults(headers)
                # read now, since a proxy's word on the scheme comes in on the way
                if self._hsts is not None and scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = self._hsts
            await send(message)

        await self.app(scope, receive, send_with_headers)


def add_defaults(headers: MutableHeaders) -> None:
    """Sets each header that is not there yet."""
    given = {name for name, _ in headers.raw}
    headers.raw.extend(header for header in _DEFAULTS if header[0] not in given)
    if b"cache-control" not in given:
        headers.raw.append(_ASK_AGAIN if b"etag" in given else _KEEP_NOT)


async def answer_fault(request: Request, _: Exception) -> Response:
    """The answer where a route failed unexpectedly: no trace, an id, and the same headers. It goes
    out past every middleware; the server logs the exception."""
    response = INTERNAL.response(request.scope)
    add_defaults(response.headers)
    response.headers[HEADER] = request_id_of(request.scope)
    return response
