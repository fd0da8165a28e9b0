"""The application as it is put together: what every route is behind."""

from __future__ import annotations

import pytest
from starlette.types import ASGIApp, Message

from app.asgi import create_app
from app.headers import DEFAULTS
from app.settings import load_settings
from tests.unit.app.asgi import Header, answered
from tests.unit.app.test_middleware import PUBLIC, SHOP, TRUSTED
from tests.unit.app.test_settings import DEVELOPMENT, PRODUCTION

HTTP: Header = ("X-Forwarded-Proto", "http")
HTTPS: Header = ("X-Forwarded-Proto", "https")


def an_app(environ: dict[str, str]) -> ASGIApp:
    """The API; its pools stay closed, since no test here reaches the database."""
    return create_app(load_settings(environ))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/livez", 200),
        ("HEAD", "/livez", 200),
        ("GET", "/graphql", 405),
        ("OPTIONS", "/graphql", 405),
        ("POST", "/graphql", 400),
        ("GET", "/viewer", 401),
        ("GET", "/", 404),
        ("GET", "/graphql/", 404),
        ("GET", "//evil.example/", 404),
        ("POST", "/livez", 405),
        ("TRACE", "/viewer", 405),
        ("GET", "/graphiql-assets/x", 404),
        ("POST", "/api/webhooks/stripe", 400),
        ("GET", "/api/webhooks/stripe", 405),
        ("GET", "/api/webhooks/health", 503),
        ("POST", "/api/webhooks/health", 405),
    ],
)
async def test_every_answer_is_guarded(method: str, path: str, status: int) -> None:
    """Whatever is asked, the answer has an id and the headers of a guarded answer."""
    answer = await answered(an_app(PRODUCTION), method=method, path=path)

    assert answer.status == status
    assert answer.headers["x-request-id"]
    assert {name: answer.headers[name] for name in DEFAULTS} == DEFAULTS
    assert answer.headers["cache-control"] == "no-store"
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere/%zz", 404), ("DELETE", "/viewer", 405)]
)
async def test_what_is_not_served_is_said_in_json(method: str, path: str, status: int) -> None:
    """An unknown path and a method that a path does not take have a code and the caller's id."""
    headers = [("X-Request-Id", "req-7")]
    answer = await answered(an_app(PRODUCTION), method=method, path=path, headers=headers)

    assert (answer.status, answer.code) == (status, "BAD_USER_INPUT")
    assert answer.json["errors"][0]["extensions"]["requestId"] == "req-7"
    assert answer.headers["content-type"] == "application/json"
    assert path not in answer.body.decode()
    assert ("allow" in answer.headers) is (status == 405)


async def test_the_ide_keeps_its_own_policy() -> None:
    """Its page may run its scripts, and is guarded otherwise as every answer is."""
    headers = [("Accept", "text/html")]
    answer = await answered(an_app(DEVELOPMENT), method="GET", headers=headers)

    assert answer.status == 200
    assert answer.headers.getlist("content-security-policy")[0].startswith("default-src 'self'")
    for name in set(DEFAULTS) - {"Content-Security-Policy"}:
        assert answer.headers.getlist(name) == [DEFAULTS[name]]


async def test_a_websocket_is_closed() -> None:
    """Nothing is spoken over WebSocket."""
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def hear(message: Message) -> None:
        said.append(message)

    scope = {"type": "websocket", "path": "/graphql", "headers": [], "scheme": "ws"}
    await an_app(DEVELOPMENT)(scope, receive, hear)

    assert [message["type"] for message in said] == ["websocket.close"]


async def test_production_is_spoken_over_https() -> None:
    """What a trusted proxy marks as http is sent to https or refused, and https is insisted on."""
    app = an_app(PRODUCTION | TRUSTED | PUBLIC | {"TOLLGATE_HSTS_SECONDS": "3600"})
    read = await answered(app, method="GET", path="/viewer", headers=[HTTP])
    sent = await answered(app, b"{}", headers=[HTTP])
    secure = await answered(app, method="GET", path="/livez", headers=[HTTPS])
    probe = await answered(app, method="GET", path="/livez", headers=[])

    assert (read.status, read.headers["location"]) == (308, "https://pay.example/viewer")
    assert (sent.status, sent.code) == (403, "FORBIDDEN")
    assert secure.headers["strict-transport-security"] == "max-age=3600"
    assert probe.status == 200
    assert "strict-transport-security" not in probe.headers


async def test_a_preflight_needs_no_token() -> None:
    """A named origin is let in before anybody asks who calls; another is not."""
    app = an_app(PRODUCTION | {"TOLLGATE_CORS_ORIGINS": SHOP})
    asked = ("Access-Control-Request-Method", "POST")
    named = await answered(app, method="OPTIONS", headers=[("Origin", SHOP), asked])
    other = await answered(app, method="OPTIONS", headers=[("Origin", "https://x.example"), asked])
    call = await answered(app, b"{}", headers=[("Origin", SHOP)])

    assert (named.status, named.headers["access-control-allow-origin"]) == (200, SHOP)
    assert other.status == 400
    assert "access-control-allow-origin" not in other.headers
    assert call.headers["access-control-allow-origin"] == SHOP
