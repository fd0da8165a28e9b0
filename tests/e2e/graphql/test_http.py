"""The endpoint as a real server: bodies, headers and health over a socket."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest

from app.settings import Settings
from domain.caller import Role
from tests.e2e.graphql.merchant import Header, Merchant, a_token, send

VIEWER = json.dumps({"query": "{ viewer { id } }"}).encode()


def headers(merchant: Merchant, *more: Header) -> list[Header]:
    """The headers of a good request, and more."""
    return [
        ("Content-Type", "application/json"),
        ("Authorization", f"Bearer {merchant.token}"),
        *more,
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"not json", 400),
        (b"[]", 400),
        (b"\xff\xfe\x00", 400),
        (b'{"query": "\xc3\x28"}', 400),
        (b"[" * 20_000, 400),
        (b'{"a":' * 40 + b"1" + b"}" * 40, 400),
        (b'{"query": "' + b"x" * 70_000 + b'"}', 413),
    ],
    ids=["empty", "cut", "text", "batch", "bytes", "utf-8", "brackets", "deep", "large"],
)
def test_a_bad_body_is_refused_in_json(merchant: Merchant, body: bytes, status: int) -> None:
    """400 or 413 with a code and the request id; never a 5xx."""
    answer = merchant.post(body, headers(merchant, ("X-Request-Id", "req-7")))

    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.json["errors"][0]["extensions"]["requestId"] == "req-7"
    assert answer.headers["x-request-id"] == "req-7"


def test_a_body_in_chunks_is_read(merchant: Merchant) -> None:
    """Transfer-Encoding: chunked works, and is held to the cap as it comes in."""
    small = b"".join(b"%x\r\n%s\r\n" % (1, VIEWER[at : at + 1]) for at in range(len(VIEWER)))
    large = b"%x\r\n%s\r\n" % (1000, b"x" * 1000) * 70

    assert b" 200 " in spoken(merchant, small + b"0\r\n\r\n").split(b"\r\n")[0]
    assert b" 413 " in spoken(merchant, large).split(b"\r\n")[0]


def test_an_unknown_caller_is_a_401(merchant: Merchant) -> None:
    """No token, a token of nobody, and two tokens at once open nothing."""
    bare = [("Content-Type", "application/json")]
    wrong = [*bare, ("Authorization", "Bearer a.b.c")]
    stranger = a_token(merchant.settings, "ten_0000000000000000000000000a", Role.ADMIN)
    for sent in (bare, wrong, [*bare, ("Authorization", f"Bearer {stranger}")]):
        answer = merchant.post(VIEWER, sent)

        assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])


def test_the_media_type_decides_the_status(merchant: Merchant) -> None:
    """A document that is not valid is a 400 in the newer media type and a 200 in the older."""
    body = json.dumps({"query": "{ nope }"}).encode()
    newer = merchant.post(body, headers(merchant, ("Accept", "application/graphql-response+json")))
    older = merchant.post(body, headers(merchant))

    assert (newer.status, newer.headers["content-type"]) == (
        400,
        "application/graphql-response+json",
    )
    assert (older.status, older.headers["content-type"]) == (200, "application/json")
    assert newer.codes == older.codes == ["GRAPHQL_VALIDATION_FAILED"]


def test_queries_are_not_served_over_get(settings: Settings) -> None:
    """GET shows the page of the IDE in development, and never executes anything."""
    path = "/graphql?query={viewer{id}}"
    page = send(settings.public_url, "GET", path, headers=[("Accept", "text/html")])
    bare = send(settings.public_url, "GET", path)

    assert (bare.status, bare.codes) == (405, ["BAD_USER_INPUT"])

    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert b"viewer{id}}" not in page.body
    assert "default-src 'self'" in page.headers["content-security-policy"]


def test_health_is_told(settings: Settings) -> None:
    """/livez is the process, /readyz the database too."""
    live, ready = (send(settings.public_url, "GET", path) for path in ("/livez", "/readyz"))

    assert (live.status, live.json) == (200, {"status": "ok"})
    assert (ready.status, ready.json["database"], ready.json["worker"]) == (200, "ok", "ok")
    assert ready.json["migrations"] == "ok"


def spoken(merchant: Merchant, chunks: bytes) -> bytes:
    """The first bytes of the answer to a chunked body, said over a bare socket."""
    address = urlsplit(merchant.settings.public_url)
    assert address.hostname is not None
    head = "\r\n".join(
        ["POST /graphql HTTP/1.1", f"Host: {address.netloc}", "Transfer-Encoding: chunked"]
        + [f"{name}: {value}" for name, value in headers(merchant)]
    )
    with socket.create_connection((address.hostname, address.port or 80), timeout=10) as wire:
        wire.sendall(head.encode() + b"\r\n\r\n" + chunks)
        return wire.recv(4096)
