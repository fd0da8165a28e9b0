"""The database as a process sees it: how long statements take, and how many connections are out."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_KINDS = frozenset({"select", "insert", "update", "delete", "with"})
"""What a statement begins with, to the sixth letter."""

_OTHER = "other"
_BEGAN = "tollgate_began"


@dataclass(slots=True)
class _Timings:
    """A histogram of one label, counted with less ado than the client's own: this is done some
    twenty times for a charge. One thread counts; a scrape may miss what is counted meanwhile."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(_SECONDS) + 1))
    total: float = 0.0

    def observe(self, seconds: float) -> None:
        """One statement took so long."""
        self.buckets[bisect_left(_SECONDS, seconds)] += 1
        self.total += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        """How many took no longer than each bound."""
        bounds = [*(str(float(bound)) for bound in _SECONDS), "+Inf"]
        return list(zip(bounds, accumulate(self.buckets), strict=True))


class DatabaseMeasures(Collector):
    """Watches the pools that it is shown."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._pools: dict[str, QueuePool] = {}
        self._timings: dict[tuple[str, str], _Timings] = {}
        registry.register(self)

    def watch(self, name: str, engine: AsyncEngine) -> None:
        """Has the pool shown under this name, and its statements timed."""
        if isinstance(engine.sync_engine.pool, QueuePool):
            self._pools[name] = engine.sync_engine.pool
        timed = {kind: _Timings() for kind in (*sorted(_KINDS), _OTHER)}
        self._timings |= {(name, kind): timings for kind, timings in timed.items()}
        others = timed[_OTHER]

        def before(connection: Connection, *_: Any) -> None:
            connection.info[_BEGAN] = time.perf_counter()

        def after(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
            took = time.perf_counter() - connection.info.pop(_BEGAN)
            timed.get(statement[:6].strip().lower(), others).observe(took)

        event.listen(engine.sync_engine, "before_cursor_execute", before)
        event.listen(engine.sync_engine, "after_cursor_execute", after)

    def collect(self) -> Iterable[Metric]:
        """The pools as they are now, and the statements so far."""
        size = GaugeMetricFamily(
            "tollgate_db_pool_connections_max", "Connections that a pool may open.", labels=["pool"]
        )
        in_use = GaugeMetricFamily(
            "tollgate_db_pool_connections_in_use",
            "Connections of a pool that are lent out.",
            labels=["pool"],
        )
        for name, pool in self._pools.items():
            size.add_metric([name], pool.size())
            in_use.add_metric([name], pool.checkedout())
        statements = HistogramMetricFamily(
            "tollgate_db_statement_seconds",
            "From sending a statement until all of its answer was there.",
            labels=["pool", "kind"],
        )
        for labels, timings in self._timings.items():
            statements.add_metric(list(labels), timings.cumulative(), timings.total)
        return [size, in_use, statements]
