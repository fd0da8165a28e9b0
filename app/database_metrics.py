"""The database as a process sees it: how long statements take, and how many connections are out."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_KINDS = frozenset({"select", "insert", "update", "delete", "with"})
_OTHER = "other"
_BEGAN = "tollgate_began"


class DatabaseMeasures(Collector):
    """Watches the pools that it is shown."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._pools: dict[str, QueuePool] = {}
        self._statements = Histogram(
            "tollgate_db_statement_seconds",
            "From sending a statement until all of its answer was there.",
            ["pool", "kind"],
            buckets=_SECONDS,
            registry=registry,
        )
        registry.register(self)

    def watch(self, name: str, engine: AsyncEngine) -> None:
        """Has the pool shown under this name, and its statements timed."""
        if isinstance(engine.sync_engine.pool, QueuePool):
            self._pools[name] = engine.sync_engine.pool

        # Looked up once: this is done for each statement.
        timed = {kind: self._statements.labels(name, kind) for kind in (*_KINDS, _OTHER)}

        def before(connection: Connection, *_: Any) -> None:
            connection.info[_BEGAN] = time.perf_counter()

        def after(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
            took = time.perf_counter() - connection.info.pop(_BEGAN)
            kind = statement[:7].split(None, 1)[0].lower()
            (timed.get(kind) or timed[_OTHER]).observe(took)

        event.listen(engine.sync_engine, "before_cursor_execute", before)
        event.listen(engine.sync_engine, "after_cursor_execute", after)

    def collect(self) -> Iterable[Metric]:
        """The pools as they are now."""
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
        return [size, in_use]
