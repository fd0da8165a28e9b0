"""Calls of the gateway: how long, and how they ended."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, Histogram

from domain.errors import (
    GatewayDeclined,
    GatewayProblem,
    GatewayRefused,
    GatewayUnauthorized,
    GatewayUnknown,
    GatewayUnreached,
)

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 15)

OUTCOMES: Mapping[type[GatewayProblem], str] = {
    GatewayDeclined: "declined",
    GatewayRefused: "refused",
    GatewayUnreached: "unreached",
    GatewayUnauthorized: "unauthorized",
    GatewayUnknown: "unknown",
}


class GatewayMeasures:
    """Makes what `app.gateway_watch` puts around each call."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Histogram(
            "tollgate_gateway_call_seconds",
            "Calls of the gateway by their outcome; `canceled` where nobody waited any more.",
            ["call", "outcome"],
            buckets=_SECONDS,
            registry=registry,
        )

    @asynccontextmanager
    async def around(self, call: str) -> AsyncIterator[None]:
        """One call."""
        began, outcome = time.perf_counter(), "canceled"
        try:
            yield
            outcome = "ok"
        except GatewayProblem as problem:
            outcome = OUTCOMES[type(problem)]
            raise
        finally:
            self._calls.labels(call, outcome).observe(time.perf_counter() - began)
