"""Watches over every request: how long it took and what it came to, in the metrics, in the signs of
life and in one line of the log."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.beat import RequestTally
from app.request_facts import RequestFacts, facts_of
from app.request_id import request_id_of
from app.request_metrics import RequestMeasures
from app.tracing import Activity, Tracing, Untraced
from domain.bound import bound
from schema.codes import RequestErrorCode

_ROUTES = frozenset(
    {"/graphql", "/viewer", "/livez", "/readyz", "/version", "/api/webhooks/stripe"}
    | {"/api/webhooks/health"}
)
_OF_A_GATEWAY = "/api/webhooks/stripe/"
PROBES = frozenset({"/livez", "/readyz", "/version", "/api/webhooks/health"})
"""Asked for by machines every few seconds: not counted among callers' requests, and logged only
where they fail."""

_OURS = frozenset({RequestErrorCode.INTERNAL_SERVER_ERROR.value, RequestErrorCode.OVERLOADED.value})
_SERVER_ERROR = 500
_UNTRACED = Untraced()

_log = logging.getLogger("tollgate.requests")


def route_of(path: str) -> str:
    """The path without what is a caller's own: labels and lines must stay few."""
    if path in _ROUTES:
        return path
    return f"{_OF_A_GATEWAY}{{gateway_id}}" if path.startswith(_OF_A_GATEWAY) else "other"


class RequestWatch:
    """Middleware, outermost."""

    def __init__(
        self, app: ASGIApp, measures: RequestMeasures, tally: RequestTally, tracing: Tracing
    ) -> None:
        self.app = app
        self._tracing = tracing
        self._measures = measures
        self._tally = tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, is_answered = time.perf_counter(), 0, False

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        tracing = _UNTRACED if scope["path"] in PROBES else self._tracing
        with bound(request_id=request_id_of(scope)), tracing.request() as activity:
            try:
                await self.app(scope, receive, send_and_note)
                is_answered = True
            finally:
                # What is raised past here is answered further out, by the handler of faults.
                told = status if status or is_answered else _SERVER_ERROR
                self._note(scope, told, time.perf_counter() - began, activity)

    def _note(self, scope: Scope, status: int, seconds: float, activity: Activity) -> None:
        """Status 0 is a caller that hung up before there was an answer."""
        facts, route = facts_of(scope), route_of(scope["path"])
        self._measures.request(route, status, seconds)
        if facts.operation is not None:
            self._measures.operation(facts.operation, facts.outcome, seconds)
        failed = status >= _SERVER_ERROR or facts.outcome in _OURS
        if route not in PROBES:
            self._tally.count(seconds, failed=failed)
        if route not in PROBES or failed:
            _log.info(_LINE, *_line(scope, facts, route, status, seconds))
        activity.told(
            f"{scope['method']} {route}",
            failed=failed,
            attributes={
                "http.request.method": scope["method"],
                "http.route": route,
                "http.response.status_code": status,
                "graphql.operation.name": facts.operation or "",
                "tollgate.outcome": facts.outcome,
            },
        )


_LINE = "%s %s %d in %.1f ms, %s %s"


def _line(
    scope: Scope, facts: RequestFacts, route: str, status: int, seconds: float
) -> tuple[object, ...]:
    return (
        scope["method"],
        route,
        status,
        seconds * 1000,
        facts.operation or "-",
        facts.outcome,
    )
