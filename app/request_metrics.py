"""How requests went: over HTTP, and by the fields that were asked for."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20)
"""3 is the platform's threshold for a slow answer."""


class RequestMeasures:
    """Labels are routes, statuses, root fields of the schema and the closed list of codes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Histogram(
            "tollgate_http_request_seconds",
            "From the first byte of a request until its answer was sent.",
            ["route", "status"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._operations = Histogram(
            "tollgate_graphql_operation_seconds",
            "The same for each root field of the schema; `several` where a document has more.",
            ["operation", "outcome"],
            buckets=_SECONDS,
            registry=registry,
        )

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(route, str(status)).observe(seconds)

    def operation(self, operation: str, outcome: str, seconds: float) -> None:
        """A GraphQL document was executed."""
        self._operations.labels(operation, outcome).observe(seconds)
