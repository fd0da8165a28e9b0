"""GET /api/webhooks/health: whether what Stripe says is heard and worked off.

Anybody may ask, and a flood of questions costs one query in CACHE_SECONDS: an answer is kept so
long, and who asks while the database is asked waits for that one answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.ports import Clock, DatabaseUnavailable
from domain.webhook_health import InboxHealth, InboxHealthReads

PATH = "/api/webhooks/health"

CACHE_SECONDS = 5.0
"""How old an answer may be."""

READ_SECONDS = 2.0
"""How long the database may take before it counts as away."""


class WebhookHealth:
    """The answer, asked for at most once in CACHE_SECONDS. `is_active`: a webhook secret is
    configured; `degraded_seconds`: how long an event may wait for a worker."""

    def __init__(
        self,
        reads: InboxHealthReads,
        clock: Clock,
        *,
        is_active: bool,
        degraded_seconds: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._reads = reads
        self._clock = clock
        self._degraded_seconds = degraded_seconds
        self._monotonic = monotonic
        self._webhooks = {
            "stripe": "active" if is_active else "inactive",
            "paypal": "not_implemented",
        }
        self._asking = asyncio.Lock()
        self._known: tuple[int, Mapping[str, object]] = (503, {})
        self._fresh_until = float("-inf")

    async def answer(self, _: Request) -> Response:
        """200 healthy or degraded, 503 unavailable. A backlog is no reason to take an instance of
        the API out of service, so that it is told in the body alone."""
        async with self._asking:
            if self._monotonic() >= self._fresh_until:
                self._known = await self._ask()
                self._fresh_until = self._monotonic() + CACHE_SECONDS
        status, body = self._known
        return JSONResponse(body, status)

    async def _ask(self) -> tuple[int, Mapping[str, object]]:
        try:
            async with asyncio.timeout(READ_SECONDS):
                found = await self._reads.inbox_health(self._clock.now())
        except (DatabaseUnavailable, TimeoutError):
            return 503, {"success": False, "status": "unavailable", "webhooks": self._webhooks}
        return 200, self._body(found)

    def _body(self, found: InboxHealth) -> Mapping[str, object]:
        is_behind = found.is_behind(self._degraded_seconds)
        return {
            "success": True,
            "status": "degraded" if is_behind else "healthy",
            "webhooks": self._webhooks,
            "lag_seconds": _rounded(found.lag_seconds),
            "oldest_unprocessed_seconds": _rounded(found.waiting_seconds),
            "unprocessed": found.unprocessed,
            "dead": found.dead,
        }


def health_routes(
    reads: InboxHealthReads,
    clock: Clock,
    *,
    is_active: bool,
    degraded_seconds: float,
    monotonic: Callable[[], float] = time.monotonic,
) -> list[Route]:
    """The route of health."""
    health = WebhookHealth(
        reads,
        clock,
        is_active=is_active,
        degraded_seconds=degraded_seconds,
        monotonic=monotonic,
    )
    return [Route(PATH, health.answer, methods=["GET"])]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
