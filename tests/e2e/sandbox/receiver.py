"""A merchant's webhook endpoint, as small as it can be: it keeps what comes and answers as told."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import stripe
from aiohttp import web

from tests.e2e.sandbox.control import eventually


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request that arrived, byte for byte."""

    headers: Mapping[str, str]
    body: bytes

    def event(self, secret: str) -> Any:
        """The event as the library reads it, its signature verified."""
        return stripe.Webhook.construct_event(self.body, self.headers["Stripe-Signature"], secret)


@dataclass(slots=True)
class Receiver:
    """Where deliveries land; `answers` are the status codes of the next ones, then 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        """Keep the delivery and answer."""
        self.deliveries.append(Delivery(request.headers.copy(), await request.read()))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    async def received(self, count: int) -> list[Delivery]:
        """At least this many deliveries, waiting for them."""

        async def look() -> list[Delivery]:
            return list(self.deliveries)

        return await eventually(look, lambda seen: len(seen) >= count)


@asynccontextmanager
async def listening() -> AsyncIterator[Receiver]:
    """A receiver on a free port of the loopback interface."""
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()
