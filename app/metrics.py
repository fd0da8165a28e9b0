"""Metrics in Prometheus' format, by its own client and its own server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.process_collector import ProcessCollector

from app.commit_metrics import CommitCounters
from app.database_metrics import DatabaseMeasures
from app.gateway_metrics import GatewayMeasures
from app.request_metrics import RequestMeasures
from app.settings import Settings
from domain.measures import WebhookRefusal

_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128)
_SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_log = logging.getLogger(__name__)


class PrometheusMeasures:
    """Implements `domain.measures.Measures`, over a registry of its own: no two applications in one
    process count into each other's. Beside the deliveries of webhooks it has the measures of
    requests, commits, gateway calls and the database."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = RequestMeasures(self.registry)
        self.commits = CommitCounters(self.registry)
        self.gateway = GatewayMeasures(self.registry)
        self.database = DatabaseMeasures(self.registry)
        self._refusals = Counter(
            "tollgate_webhook_refusals",
            "Webhook deliveries that were not answered 200.",
            ["reason"],
            registry=self.registry,
        )
        for reason in WebhookRefusal:
            self._refusals.labels(reason.value)  # shown as 0 before the first: a rate needs it
        self._received = Counter(
            "tollgate_webhook_received",
            "Webhook deliveries that were answered 200, stored now or before.",
            registry=self.registry,
        )
        self._duplicates = Counter(
            "tollgate_webhook_duplicates",
            "Webhook deliveries whose event was stored before.",
            registry=self.registry,
        )
        self._missed = Counter(
            "tollgate_webhook_missed",
            "Events that never arrived and were fetched from the gateway's list.",
            registry=self.registry,
        )
        self._batch = Histogram(
            "tollgate_webhook_batch_deliveries",
            "Webhook deliveries stored by one commit.",
            buckets=_BATCH_BUCKETS,
            registry=self.registry,
        )
        self._batch_seconds = Histogram(
            "tollgate_webhook_batch_seconds",
            "How long the database took for one batch of webhook deliveries.",
            buckets=_SECONDS_BUCKETS,
            registry=self.registry,
        )

    def webhook_refused(self, reason: WebhookRefusal) -> None:
        """A delivery was answered with something else than 200."""
        self._refusals.labels(reason.value).inc()

    def webhook_batch(self, size: int, *, new: int, seconds: float) -> None:
        """A batch of deliveries was stored."""
        self._received.inc(size)
        self._duplicates.inc(size - new)
        self._batch.observe(size)
        self._batch_seconds.observe(seconds)

    def webhook_missed(self, count: int) -> None:
        """Events were fetched that never arrived."""
        self._missed.inc(count)


@contextmanager
def metrics_served(settings: Settings, measures: PrometheusMeasures) -> Iterator[None]:
    """Serves the metrics at TOLLGATE_METRICS_HOST and _PORT, never on the API's own port; without a
    port not at all. A port that is taken is logged: it must keep nobody from paying."""
    if settings.metrics_port is None:
        yield
        return
    try:
        server, thread = start_http_server(
            settings.metrics_port, settings.metrics_host, measures.registry
        )
    except OSError as error:
        _log.error("the metrics are not served: %s", error)
        yield
        return
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
