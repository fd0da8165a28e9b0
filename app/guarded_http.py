"""POST to an address that an operator named, and to nothing behind it.

Server-side request forgery: a name that leads to this machine or into its network would reach what
no caller may (OWASP, Server-Side Request Forgery Prevention). The guard looks at the addresses that
the connection is made to, after the name was resolved, so a name that changes its mind gains
nothing; redirects are not followed.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Addresses that a translator turns into IPv4 ones (RFC 6052)."""

CONNECT_SECONDS = 5.0
SEND_SECONDS = 15.0


class PostFailed(Exception):
    """It was not taken; the text says why, and shows no part of the address but its host."""


class ForbiddenAddress(OSError):
    """The name leads to an address that is not of the public internet."""


def is_public(address: str) -> bool:
    """Whether the IP address is one of the public internet (IANA's special-purpose registries). An
    IPv6 address that holds an IPv4 one is judged by that too."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = None
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.is_global and not ip.is_multicast and (inner is None or inner.is_global)


class PublicResolver(AbstractResolver):
    """Resolves names, and refuses those any of whose addresses is not public."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses. Raises ForbiddenAddress."""
        found = await self._resolver.resolve(host, port, family)
        if not all(is_public(each["host"]) for each in found):
            raise ForbiddenAddress(f"{host} is not a public address")
        return found

    async def close(self) -> None:
        """Nothing is held open."""
        await self._resolver.close()


class GuardedPoster:
    """Posts to one address. `allow_private` lets it reach into the own network, where an operator
    says that the receiver is there."""

    def __init__(self, url: str, *, allow_private: bool) -> None:
        self._url = url
        self._host = urlsplit(url).hostname or ""
        self._allow_private = allow_private

    async def post(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Has the body taken, which an answer of 2xx says. Raises PostFailed."""
        self._refuse_literal()
        resolver = None if self._allow_private else PublicResolver()
        timeout = aiohttp.ClientTimeout(total=SEND_SECONDS, sock_connect=CONNECT_SECONDS)
        connector = aiohttp.TCPConnector(resolver=resolver, force_close=True)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.post(
                    self._url, data=body, headers=dict(headers), allow_redirects=False
                ) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PostFailed(f"{self._host}: {type(error).__name__}") from error
        if not 200 <= status < 300:
            raise PostFailed(f"{self._host} answered {status}")

    def _refuse_literal(self) -> None:
        """An address that is written out is connected to without being resolved."""
        try:
            is_refused = not self._allow_private and not is_public(self._host)
        except ValueError:
            return
        if is_refused:
            raise PostFailed(f"{self._host} is not a public address")
