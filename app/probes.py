"""What a load balancer, an orchestrator and a person ask a running API: does it live, is it ready,
which one is it. None of it asks the gateway."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass

from sqlalchemy.pool import QueuePool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.pools import Pools
from app.version import VERSION
from db.revision import Migrations, applied_revision, known_revisions, standing
from db.signs import SqlSigns
from domain.alert_conditions import is_silent
from domain.ports import Clock, DatabaseUnavailable
from domain.signs import ProcessKind
from webhooks.wake import ArqWake

READY_SECONDS = 2.0
"""How long the database may take before an instance counts as not ready."""


FRESH_SECONDS = 1.0
"""How long an answer serves others: whoever asks all the time costs no more than that."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """`status` is unavailable where this instance can serve nobody: without the database, or with
    one that lacks migrations. It is degraded where callers are served and something is amiss that
    taking the instance away would not mend."""

    status: str
    database: str = "unreachable"
    migrations: str = "unknown"
    worker: str = "unknown"
    valkey: str = "unknown"
    pool: str = "ok"


class Probe:
    """Looks at one instance. It has a connection of its own, so that a full pool is told of."""

    def __init__(
        self, pools: Pools, wake: ArqWake, clock: Clock, *, fresh_seconds: float = FRESH_SECONDS
    ) -> None:
        self._pools = pools
        self._signs = SqlSigns(pools.beat)
        self._wake = wake
        self._clock = clock
        self._fresh_seconds = fresh_seconds
        self._looking = asyncio.Lock()
        self._last: tuple[float, Readiness] | None = None

    async def readiness(self) -> Readiness:
        """How the instance is, or was a moment ago."""
        async with self._looking:
            now = time.monotonic()
            if self._last is None or now - self._last[0] >= self._fresh_seconds:
                self._last = now, await self._look()
            return self._last[1]

    async def _look(self) -> Readiness:
        try:
            async with asyncio.timeout(READY_SECONDS):
                migrations = standing(await applied_revision(self._pools.beat))
                worker = await self._worker()
        except (DatabaseUnavailable, TimeoutError):
            return Readiness("unavailable")
        valkey = "ok" if await self._wake.answers() else "away"
        pool = "full" if self._is_full() else "ok"
        is_fine = (worker, valkey, pool) == ("ok", "ok", "ok")
        status = "ok" if is_fine else "degraded"
        if migrations is Migrations.BEHIND:
            status = "unavailable"
        return Readiness(status, "ok", migrations.value, worker, valkey, pool)

    async def _worker(self) -> str:
        beat_at = await self._signs.last_beat(ProcessKind.WORKER)
        lives = beat_at is not None and not is_silent(beat_at, self._clock.now())
        return "ok" if lives else "silent"

    def _is_full(self) -> bool:
        pool = self._pools.api.sync_engine.pool
        return isinstance(pool, QueuePool) and pool.checkedout() >= pool.size()


def probe_routes(probe: Probe) -> list[BaseRoute]:
    """GET /livez, /readyz and /version."""

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        found = await probe.readiness()
        return JSONResponse(asdict(found), 503 if found.status == "unavailable" else 200)

    async def version(_: Request) -> Response:
        return JSONResponse({"version": VERSION, "migration": known_revisions()[0]})

    return [
        Route("/livez", live, methods=["GET"]),
        Route("/readyz", ready, methods=["GET"]),
        Route("/version", version, methods=["GET"]),
    ]
