"""What stands before the routes: headers, proxies, other origins."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.headers import DEFAULTS, answer_fault
from app.proxies import forwarded_scheme, read_address
from app.settings import load_settings
from tests.unit.app.asgi import Answer, Header, answered
from tests.unit.app.test_settings import DEVELOPMENT, PRODUCTION
from tests.unit.app.watched import a_middleware

TRUSTED = {"TOLLGATE_TRUSTED_PROXIES": "127.0.0.0/8, 10.0.0.0/8, fd00::/8"}
PUBLIC = {"TOLLGATE_PUBLIC_URL": "https://pay.example"}
SHOP = "https://shop.example"


async def echo(request: Request) -> Response:
    """Says who calls, as the routes see it."""
    client = request.client.host if request.client else None
    return JSONResponse({"client": client, "scheme": request.url.scheme})


async def own_headers(_: Request) -> Response:
    """Says everything of itself."""
    return Response(headers={"Cache-Control": "private", "Content-Security-Policy": "own"})


async def tagged(_: Request) -> Response:
    """Is a file with a tag."""
    return Response(headers={"ETag": '"1"'})


async def fail(_: Request) -> Response:
    """Fails as no route should."""
    raise KeyError("a bug")


async def ask(
    environ: dict[str, str],
    *headers: Header,
    method: str = "GET",
    path: str = "/echo",
    **how: Any,
) -> Answer:
    """The answer of an application behind what these settings make."""
    app = Starlette(
        routes=[
            Route("/echo", echo, methods=["GET", "POST"]),
            Route("/own", own_headers),
            Route("/tagged", tagged),
            Route("/fail", fail),
        ],
        middleware=a_middleware(load_settings(environ)),
        exception_handlers={Exception: answer_fault},
    )
    return await answered(app, method=method, path=path, headers=headers, **how)


@pytest.mark.parametrize("path", ["/echo", "/nowhere"])
async def test_every_answer_has_the_headers(path: str) -> None:
    """A route's answer and a 404 alike; without the setting nobody is told to insist on https."""
    answer = await ask(PRODUCTION, path=path)

    assert {name: answer.headers[name] for name in DEFAULTS} == DEFAULTS
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"]
    assert "strict-transport-security" not in answer.headers


async def test_an_answer_may_say_it_itself() -> None:
    """What a route set is left as it is, and a file with an ETag may be asked for again."""
    own = await ask(PRODUCTION, path="/own")
    file = await ask(PRODUCTION, path="/tagged")

    assert own.headers["cache-control"] == "private"
    assert own.headers.getlist("content-security-policy") == ["own"]
    assert own.headers["x-content-type-options"] == "nosniff"
    assert file.headers["cache-control"] == "no-cache"


async def test_a_failed_route_tells_an_id_and_nothing_else() -> None:
    """A 500 in JSON with the same headers; the exception goes on to the server, which logs it."""
    with pytest.raises(KeyError):
        await ask(PRODUCTION, path="/fail")
    request = Request({"type": "http", "method": "GET", "path": "/fail", "headers": []})
    response = await answer_fault(request, KeyError("a bug"))

    assert response.status_code == 500
    assert {name: response.headers[name] for name in DEFAULTS} == DEFAULTS
    assert response.headers["x-request-id"].encode() in response.body
    assert b"bug" not in response.body


async def test_https_is_insisted_on_over_https_only() -> None:
    """The header comes where a trusted proxy says https, and not over http (RFC 6797, 7.2)."""
    given = DEVELOPMENT | TRUSTED | {"TOLLGATE_HSTS_SECONDS": "3600"}
    secure = await ask(given, ("X-Forwarded-Proto", "https"))
    plain = await ask(given)

    assert secure.headers["strict-transport-security"] == "max-age=3600"
    assert "strict-transport-security" not in plain.headers


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["203.0.113.9"], "203.0.113.9"),
        (["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        (["198.51.100.1", "203.0.113.9, 10.1.2.3"], "203.0.113.9"),
        (["203.0.113.9,10.1.2.3,fd00::1"], "203.0.113.9"),
        (["10.1.2.3, 10.1.2.4"], "10.1.2.3"),
        (["2001:db8::7"], "2001:db8::7"),
        (["[2001:db8::7]:4711"], "2001:db8::7"),
        (["203.0.113.9:4711"], "203.0.113.9"),
        (["::ffff:203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9, unknown"], "127.0.0.1"),
        (["unknown, 10.1.2.3"], "10.1.2.3"),
        (["203.0.113.9, , 10.1.2.3"], "10.1.2.3"),
        ([""], "127.0.0.1"),
        ([], "127.0.0.1"),
        (["' OR 1=1 --"], "127.0.0.1"),
        (["fe80::1%eth0"], "127.0.0.1"),
    ],
)
async def test_the_caller_is_the_first_who_is_not_trusted(lines: list[str], client: str) -> None:
    """Read from the right, past trusted proxies; what is no address ends the reading."""
    headers = [("X-Forwarded-For", line) for line in lines]

    assert (await ask(DEVELOPMENT | TRUSTED, *headers)).json["client"] == client


@pytest.mark.parametrize(
    "environ", [DEVELOPMENT, DEVELOPMENT | {"TOLLGATE_TRUSTED_PROXIES": "::1"}]
)
async def test_a_strangers_headers_are_ignored(environ: dict[str, str]) -> None:
    """Who is no trusted proxy cannot say who calls, nor over what."""
    headers = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https")]

    assert (await ask(environ, *headers)).json == {"client": "127.0.0.1", "scheme": "http"}


@pytest.mark.parametrize(
    ("lines", "scheme"),
    [
        ([], None),
        ([" "], None),
        (["https"], "https"),
        (["HTTPS, https"], "https"),
        (["https, http"], "http"),
        (["https", "http"], "http"),
        (["wss"], "http"),
    ],
)
def test_https_is_what_every_proxy_says(lines: list[str], scheme: str | None) -> None:
    """One that says otherwise is enough for http."""
    assert forwarded_scheme(lines) == scheme


@pytest.mark.parametrize("text", ["", "1.2.3", "1.2.3.4.5", "localhost", "[x]", "::1%1", "0x7f.1"])
def test_what_is_no_address(text: str) -> None:
    """Names, halves and zones are nobody."""
    assert read_address(text) is None


async def test_production_sends_a_reader_to_https() -> None:
    """A GET that a proxy marks as http is a 308 to the public address, whatever Host says."""
    environ = PRODUCTION | TRUSTED | PUBLIC
    plain = ("X-Forwarded-Proto", "http")
    answer = await ask(environ, plain, ("Host", "evil.example"), path="/a b/ü\r\nX: 1")
    sly = await ask(environ, plain, path="@evil.example/")
    head = await ask(environ, plain, method="HEAD", path="//evil.example")

    assert answer.status == sly.status == head.status == 308
    assert answer.headers["location"] == "https://pay.example/a%20b/%C3%BC%0D%0AX:%201"
    assert sly.headers["location"] == "https://pay.example/@evil.example/"
    assert head.headers["location"] == "https://pay.example/evil.example"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_production_refuses_a_body_over_http() -> None:
    """A POST that a proxy marks as http is a 403 in JSON: its token was already read on the way."""
    answer = await ask(PRODUCTION | TRUSTED | PUBLIC, ("X-Forwarded-Proto", "http"), method="POST")

    assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert answer.headers["x-request-id"] == answer.json["errors"][0]["extensions"]["requestId"]


@pytest.mark.parametrize(
    ("environ", "headers"),
    [
        (PRODUCTION | TRUSTED, [("X-Forwarded-Proto", "https")]),
        (PRODUCTION | TRUSTED, []),
        (PRODUCTION, [("X-Forwarded-Proto", "http")]),
        (DEVELOPMENT | TRUSTED, [("X-Forwarded-Proto", "http")]),
    ],
)
async def test_only_a_trusted_mark_of_http_is_refused(
    environ: dict[str, str], headers: list[Header]
) -> None:
    """https passes; so do a probe that comes directly, a stranger's mark, and development."""
    assert (await ask(environ, *headers, method="POST")).status == 200


async def test_other_origins_are_closed_unless_named() -> None:
    """Without the setting no answer speaks of origins, and a preflight is nothing special."""
    answer = await ask(PRODUCTION, ("Origin", SHOP))
    preflight = await ask(
        PRODUCTION, ("Origin", SHOP), ("Access-Control-Request-Method", "POST"), method="OPTIONS"
    )

    assert preflight.status == 405
    for said in (answer, preflight):
        assert not any(name.startswith("access-control") for name in said.headers)


async def test_a_named_origin_may_call() -> None:
    """Its preflight is answered and kept for two hours, its call may be read; no cookie counts."""
    environ = PRODUCTION | {"TOLLGATE_CORS_ORIGINS": SHOP}
    asked = [
        ("Origin", SHOP),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization,content-type"),
    ]
    preflight = await ask(environ, *asked, method="OPTIONS")
    call = await ask(environ, ("Origin", SHOP), method="POST")

    assert preflight.status == 200
    assert preflight.headers["access-control-max-age"] == "7200"
    for said in (preflight, call):
        assert said.headers["access-control-allow-origin"] == SHOP
        assert "access-control-allow-credentials" not in said.headers
        assert "Origin" in said.headers["vary"]
        assert said.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "origin",
    ["https://shop.example.evil", "http://shop.example", "https://shop.example:8443", "null", "*"],
)
async def test_a_like_origin_may_not(origin: str) -> None:
    """Only the exact origin is answered: no suffix, scheme, port or null passes for it."""
    environ = PRODUCTION | {"TOLLGATE_CORS_ORIGINS": SHOP}
    asked = [("Origin", origin), ("Access-Control-Request-Method", "POST")]
    preflight = await ask(environ, *asked, method="OPTIONS")
    call = await ask(environ, ("Origin", origin), method="POST")

    assert preflight.status == 400
    for said in (preflight, call):
        assert "access-control-allow-origin" not in said.headers
