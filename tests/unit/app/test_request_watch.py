"""One line a request, and figures that no caller can blow up."""

from __future__ import annotations

import logging

import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.beat import RequestTally
from app.middleware import middleware
from app.request_metrics import RequestMeasures
from app.request_watch import route_of
from app.settings import load_settings
from app.tracing import Untraced
from domain.bound import facts
from domain.signs import RequestCounts
from tests.unit.app.asgi import answered
from tests.unit.app.test_settings import DEVELOPMENT


def an_app(tally: RequestTally) -> Starlette:
    """An application with a route that works, one that fails, and a probe."""

    async def fine(_: Request) -> Response:
        return PlainTextResponse(str(facts().get("request_id")))

    async def fail(_: Request) -> Response:
        raise RuntimeError("no")

    measures = RequestMeasures(CollectorRegistry())
    return Starlette(
        routes=[Route("/viewer", fine), Route("/fail", fail), Route("/livez", fine)],
        middleware=middleware(load_settings(DEVELOPMENT), measures, tally, Untraced()),
    )


async def test_a_request_has_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Method, route, status, time and outcome, under the request's id; nothing that it said."""
    caplog.set_level(logging.INFO, "tollgate.requests")
    app = an_app(RequestTally())
    answer = await answered(
        app,
        method="GET",
        path="/viewer",
        headers=[("X-Request-Id", "given-1"), ("Authorization", "Bearer hunter2hunter2")],
    )
    await answered(app, method="GET", path="/secret-hunter2")

    assert answer.body == b"given-1"
    first, second = [record.getMessage() for record in caplog.records]
    assert first.startswith("GET /viewer 200 in ")
    assert first.endswith(" ms, - ok")
    assert second.startswith("GET other 404 in ")
    assert "hunter2" not in caplog.text


async def test_probes_are_quiet_and_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    """They come every second and are nobody's request."""
    caplog.set_level(logging.INFO, "tollgate.requests")
    tally = RequestTally()
    await answered(an_app(tally), method="GET", path="/livez")
    assert caplog.records == []
    assert tally.taken() == RequestCounts()


async def test_faults_are_counted() -> None:
    """An answer of 500 is one; one that is refused is none."""
    tally = RequestTally()
    app = an_app(tally)
    with pytest.raises(RuntimeError):
        await answered(app, method="GET", path="/fail")
    await answered(app, method="GET", path="/nowhere")
    assert tally.taken() == RequestCounts(2, 0, 1)
    tally.count(3.5, failed=False)
    counts = tally.taken()
    tally.put_back(counts)
    assert tally.taken() == counts == RequestCounts(1, 1, 0)


def test_routes_are_a_closed_list() -> None:
    """An id in a path, or any path at all, is no label of its own."""
    assert route_of("/api/webhooks/stripe/gw_1") == "/api/webhooks/stripe/{gateway_id}"
    assert route_of("/api/webhooks/stripe") == "/api/webhooks/stripe"
    assert {route_of(f"/x/{number}") for number in range(50)} == {"other"}
    assert route_of("/graphql") == "/graphql"
