"""The API on the wire: what is said byte by byte, to a server that is a process of its own."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from app.http_protocol import HEAD_BYTES_MAX
from app.stack import Stack


@dataclass(frozen=True, slots=True)
class Said:
    """What came back, until the server closed the connection."""

    status: int
    headers: dict[str, str]
    body: bytes


def say(stack: Stack, request: bytes) -> Said:
    """The answer to exactly these bytes."""
    address = urlsplit(stack.api_url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), 10) as wire:
        wire.sendall(request)
        heard = b""
        while chunk := wire.recv(65_536):
            heard += chunk
    head, _, body = heard.partition(b"\r\n\r\n")
    line, *headers = head.decode("latin-1").split("\r\n")
    pairs = (header.partition(": ") for header in headers)
    return Said(int(line.split()[1]), {name.lower(): value for name, _, value in pairs}, body)


def request(
    line: bytes, *headers: bytes, host: bytes = b"api.example", close: bytes = b"close"
) -> bytes:
    """A request without a body, after which the server hangs up."""
    return b"\r\n".join([line, b"Host: " + host, b"Connection: " + close, *headers, b"", b""])


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /livez HTTP/1.1", 200),
        (b"GET /livez HTTP/1.0", 200),
        (b"GET /%6Civez HTTP/1.1", 200),
        (b"GET http://evil.example/livez HTTP/1.1", 200),
        (b"GET /nowhere HTTP/1.1", 404),
        (b"GET /graphql/ HTTP/1.1", 404),
        (b"GET //evil.example/%2e%2e HTTP/1.1", 404),
        (b"GET /%ff%fe%00 HTTP/1.1", 404),
        (b"GET /%zz HTTP/1.1", 404),
        (b"GET /graphiql-assets/%00 HTTP/1.1", 404),
        (b"GET /graphiql-assets/..%2f..%2fsettings.py HTTP/1.1", 404),
        (b"GET /" + b"a" * 30_000 + b" HTTP/1.1", 404),
        (b"GET /graphiql-assets/" + b"a" * 5_000 + b" HTTP/1.1", 404),
        (b"DELETE /graphql HTTP/1.1", 405),
        (b"OPTIONS /graphql HTTP/1.1", 405),
        (b"OPTIONS /viewer HTTP/1.1", 405),
        (b"OPTIONS * HTTP/1.1", 404),
        (b"POST /livez HTTP/1.1", 405),
    ],
)
def test_a_request_is_answered_in_json(stack: Stack, line: bytes, status: int) -> None:
    """Odd versions, targets and methods have their status, in JSON, with an id and no version."""
    said = say(stack, request(line, b"X-Request-Id: req-7"))

    assert said.status == status
    assert isinstance(json.loads(said.body), dict)
    assert said.headers["x-request-id"] == "req-7"
    assert said.headers["x-content-type-options"] == "nosniff"
    assert "server" not in said.headers
    assert b"evil" not in said.body
    assert "location" not in said.headers
    if status >= 400:
        extensions = json.loads(said.body)["errors"][0]["extensions"]
        assert extensions == {"code": "BAD_USER_INPUT", "requestId": "req-7"}


def test_a_head_has_no_body(stack: Stack) -> None:
    """HEAD is answered like GET without what GET would say; so is one for an unknown path."""
    live, lost = (
        say(stack, request(b"HEAD /%s HTTP/1.1" % path)) for path in (b"livez", b"nowhere")
    )

    assert (live.status, live.body) == (200, b"")
    assert (lost.status, lost.body) == (404, b"")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://evil.example HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\0b\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked"
        b"\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(stack: Stack, sent: bytes) -> None:
    """What the parser cannot read, and what two servers could read differently, is a 400."""
    said = say(stack, sent)

    assert said.status == 400
    assert b"Traceback" not in said.body
    assert "server" not in said.headers


def test_headers_without_an_end_are_refused(stack: Stack) -> None:
    """A megabyte of headers is not kept: the connection is closed with a 400 before its end."""
    endless = b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X-A: " + b"a" * (16 * HEAD_BYTES_MAX)
    address = urlsplit(stack.api_url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), 10) as wire:
        try:
            wire.sendall(endless)
            heard = wire.recv(65_536)
        except (BrokenPipeError, ConnectionResetError):
            heard = b"HTTP/1.1 400 "

    assert heard.startswith(b"HTTP/1.1 400 ")


def test_an_upgrade_is_not_taken(stack: Stack) -> None:
    """A WebSocket handshake is answered as the plain request that it is."""
    said = say(
        stack,
        request(
            b"GET /viewer HTTP/1.1",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            close=b"Upgrade, close",
        ),
    )

    assert said.status == 401


@pytest.mark.parametrize(
    "given",
    [b"a b", b"x" * 65, b"\xc3\xa9", b"4242424242424242", b"jane@shop.example", b"whsec_abcdef12"],
)
def test_an_id_that_is_not_sane_is_replaced(stack: Stack, given: bytes) -> None:
    """An id that could not stand in a log line as it is is neither taken nor repeated."""
    said = say(stack, request(b"GET /nowhere HTTP/1.1", b"X-Request-Id: " + given))
    own = said.headers["x-request-id"]

    assert len(own) == 32
    assert json.loads(said.body)["errors"][0]["extensions"]["requestId"] == own
    assert given not in said.body


def test_two_ids_are_none(stack: Stack) -> None:
    """With two ids neither is the request's."""
    said = say(stack, request(b"GET /livez HTTP/1.1", b"X-Request-Id: a", b"X-Request-Id: b"))

    assert said.headers["x-request-id"] not in {"a", "b"}


def test_nobody_is_trusted_by_default(stack: Stack) -> None:
    """Loopback is no trusted proxy unless it is named: its word on the scheme counts for nothing,
    and the server does not read it behind our back."""
    line = b"GET /livez HTTP/1.1"
    said = say(stack, request(line, b"X-Forwarded-Proto: https", b"X-Forwarded-For: 203.0.113.9"))

    assert said.status == 200
    assert "strict-transport-security" not in said.headers


def test_no_query_reaches_a_log(stack: Stack) -> None:
    """A token that a caller puts into its address, or a path, is written nowhere."""
    say(stack, request(b"GET /livez?token=canary-in-a-query HTTP/1.1"))
    say(stack, request(b"GET /canary-in-a-path HTTP/1.1"))

    logs = [path.read_text(errors="replace") for path in stack.log_dir.glob("*.log")]
    assert logs
    assert not any("canary-in-a" in text for text in logs)
