"""An issuer of tokens on loopback: publishes a key set over HTTP, well or badly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

OLD = ed25519.Ed25519PrivateKey.generate()
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class Hours:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        """So much later."""
        self.now += seconds


def algorithm_of(key: PrivateKey) -> str:
    """The one algorithm of this kind of key."""
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS256"
    return "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "EdDSA"


def jwk(kid: object, key: PrivateKey, **members: Any) -> dict[str, Any]:
    """The public half as a JSON Web Key; `...` leaves a member out."""
    half = key.public_key()
    found: Mapping[str, Any] = jwt.get_algorithm_by_name(algorithm_of(key)).to_jwk(
        half, as_dict=True
    )
    entry = {"use": "sig"} | dict(found) | {"kid": kid} | members
    return {name: value for name, value in entry.items() if value is not ...}


@dataclass
class Issuer:
    """What it says, and how often it was asked. `hold` keeps every answer back until it is set."""

    url: str = ""
    keys: list[Any] = field(default_factory=list)
    body: bytes | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    fetches: int = 0
    hold: asyncio.Event | None = None
    _asking: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def asked(self, times: int) -> None:
        """Waits until it was asked so often."""
        async with self._asking:
            await self._asking.wait_for(lambda: self.fetches >= times)

    async def answer(self, _: web.Request) -> web.Response:
        """The key set, or what stands in its place."""
        async with self._asking:
            self.fetches += 1
            self._asking.notify_all()
        status, headers = self.status, self.headers
        body = json.dumps({"keys": self.keys}).encode() if self.body is None else self.body
        if self.hold is not None:
            await self.hold.wait()
        return web.Response(body=body, status=status, headers=headers)


@asynccontextmanager
async def issuing(*keys: Any) -> AsyncIterator[Issuer]:
    """An issuer that publishes these keys on a free port."""
    issuer = Issuer(keys=list(keys))
    served = web.Application()
    served.router.add_get("/keys", issuer.answer)
    runner = web.AppRunner(served, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
        yield issuer
    finally:
        if issuer.hold is not None:
            issuer.hold.set()
        await runner.cleanup()
