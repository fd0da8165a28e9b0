"""Who really calls: behind proxies that are trusted by name, what they say; else the socket.

Headers of anybody else are ignored, since anybody can write them. `X-Forwarded-For` is read from
its right end, where the nearest proxy wrote, up to the first address that is no trusted proxy's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.refusal import Refusal
from schema.codes import RequestErrorCode

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_PLAIN = Refusal(403, "This API is spoken over https only.", RequestErrorCode.FORBIDDEN)
_READING = frozenset({"GET", "HEAD"})


class Proxies:
    """Middleware: puts the caller's address and scheme into the scope.

    With `https_url`, what a trusted proxy marks as plain http is refused: a GET is sent there
    (308), anything else may hold a token or a body that was read on its way (403).
    """

    def __init__(
        self, app: ASGIApp, *, trusted: Sequence[Network], https_url: str | None = None
    ) -> None:
        self.app = app
        self._trusted = tuple(trusted)
        self._https_url = https_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_proxied(scope):
            headers = Headers(scope=scope)
            caller = self._caller(headers.getlist("x-forwarded-for"))
            if caller is not None:
                scope["client"] = (str(caller), 0)
            scheme = forwarded_scheme(headers.getlist("x-forwarded-proto"))
            if scheme is not None:
                scope["scheme"] = scheme
            if scheme == "http" and self._https_url is not None:
                await self._refuse(scope, self._https_url)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _is_proxied(self, scope: Scope) -> bool:
        client = scope.get("client")
        address = read_address(client[0]) if client else None
        return address is not None and self._trusts(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)

    def _caller(self, lines: Sequence[str]) -> Address | None:
        """The first untrusted address from the right; the last one that can be read where all are
        trusted or the next is no address. None when nobody was named."""
        caller = None
        for part in reversed(",".join(lines).split(",")):
            address = read_address(part)
            if address is None:
                break
            caller = address
            if not self._trusts(address):
                break
        return caller

    def _refuse(self, scope: Scope, https_url: str) -> Response:
        if scope["method"] not in _READING:
            return _PLAIN.response(scope)
        # our own address, never the Host that the caller wrote, nor a path that would extend it
        path = quote(scope["path"].lstrip("/"), safe="/:@!$&'()*+,;=~-._")
        query = scope.get("query_string", b"").decode("latin-1")
        return RedirectResponse(f"{https_url}/{path}{'?' if query else ''}{query}", 308)


@lru_cache(maxsize=1024)  # the same few proxies call all the time
def read_address(text: str) -> Address | None:
    """An address as proxies write it: bare, with a port, or in brackets. An IPv4 address in an
    IPv6 one (RFC 4291, section 2.5.5.2) is the IPv4 address. None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address


def forwarded_scheme(lines: Sequence[str]) -> str | None:
    """https only where every proxy says so, http where any says otherwise, None where none says
    anything."""
    schemes = {part.strip().lower() for part in ",".join(lines).split(",") if part.strip()}
    if not schemes:
        return None
    return "https" if schemes == {"https"} else "http"
