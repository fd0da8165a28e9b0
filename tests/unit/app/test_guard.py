"""The guard of the GraphQL endpoint: whatever the bytes, JSON comes back and never a 5xx."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from app.guard import BODY, BODY_BYTES_MAX, DEPTH_MAX, GraphQLGuard
from app.refusal import GRAPHQL_RESPONSE
from tests.unit.app.asgi import JSON_HEADERS, Header, answered, send


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the object that the guard let through."""
    await JSONResponse(scope[BODY])(scope, receive, send)


GUARD = GraphQLGuard(echo)
GOOD = b'{"query": "{ viewer { id } }"}'


def nested(levels: int) -> bytes:
    """An object with that many levels in it."""
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        'application/json; charset="utf-8"',
    ],
)
async def test_one_json_object_passes_parsed(content_type: str) -> None:
    """The endpoint gets the object itself."""
    answer = await answered(GUARD, GOOD, headers=[("Content-Type", content_type)])

    assert (answer.status, answer.json) == (200, {"query": "{ viewer { id } }"})


async def test_a_body_in_pieces_passes() -> None:
    """Chunks are put together, wherever they are cut."""
    answer = await answered(GUARD, [GOOD[at : at + 1] for at in range(len(GOOD))])

    assert answer.json == {"query": "{ viewer { id } }"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"null",
        b"[]",
        b'[{"query": "{ viewer { id } }"}]',
        b'"query"',
        b"1",
        b"\xff\xfe{}",
        b'{"query": "\xff"}',
        GOOD.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + GOOD,
        b'{"a": NaN}',
        b'{"query": "{ a }", "query": "{ b }"}',
        b'{"query": "{ a }", "variables": {"a": 1, "a": 1}}',
        b'{"a": -Infinity}',
        b'{"a": 12345678901234567890}',
        b'{"a": -12345678901234567890}',
        b'{"a": ' + b"9" * 60_000 + b"}",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        nested(DEPTH_MAX + 1),
        b'{"a": "\n"}',
        b"query=1",
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_what_is_no_decent_object_is_a_400(body: bytes) -> None:
    """Bad bytes, bad JSON, batches, deep nesting and endless numbers are refused in JSON."""
    answer = await answered(GUARD, body)

    assert (answer.status, answer.code) == (400, "BAD_USER_INPUT")
    assert answer.json["errors"][0]["extensions"]["requestId"]


async def test_a_long_integer_is_named() -> None:
    """A body with an integer beyond 64 bits is JSON: the answer says what is wrong instead."""
    answer = await answered(GUARD, b'{"variables": {"amount": 1000000000000000000000000000000}}')

    assert answer.json["errors"][0]["message"] == "An integer has at most 19 digits."


@pytest.mark.parametrize(
    "body", [nested(DEPTH_MAX), b'{"a": 9223372036854775807}', b'{"a": 1e400}', b'{"a":"\\u0000"}']
)
async def test_the_edge_of_what_is_decent_passes(body: bytes) -> None:
    """32 levels, 19 digits and any JSON string are let through."""
    answer = await answered(GUARD_ONLY_STATUS, body)

    assert answer.status == 200


async def _ok(scope: Scope, receive: Receive, send: Send) -> None:
    assert isinstance(scope[BODY], dict)
    await JSONResponse({})(scope, receive, send)


GUARD_ONLY_STATUS = GraphQLGuard(_ok)


async def test_a_body_at_the_cap_passes_and_one_byte_more_does_not() -> None:
    """64 KiB is the most, counted as it comes in."""
    fill = BODY_BYTES_MAX - len(b'{"a":""}')
    at_cap, above = b'{"a":"' + b"x" * fill + b'"}', b'{"a":"' + b"x" * (fill + 1) + b'"}'

    assert (await answered(GUARD, at_cap)).status == 200
    assert (await answered(GUARD, above)).status == 413
    assert (await answered(GUARD, [above[:10], above[10:]])).status == 413


async def test_a_large_body_is_not_read_to_its_end() -> None:
    """A body that goes on for ever is refused when it passes the cap, not when it ends."""
    answer = await answered(GUARD, [b"x" * 1000] * 100, hangs=True)

    assert answer.status == 413
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("length", ["65537", "9" * 18, "9" * 5000])
async def test_an_announced_length_above_the_cap_is_refused_unread(length: str) -> None:
    """Content-Length alone is enough for a 413."""
    headers = [*JSON_HEADERS, ("Content-Length", length)]

    assert (await answered(GUARD, b"", headers=headers, hangs=True)).status == 413


@pytest.mark.parametrize("length", ["1", "-5", "abc", "", "²", "0x10"])
async def test_a_lie_about_the_length_changes_nothing(length: str) -> None:
    """What comes in counts, whatever was announced."""
    headers = [*JSON_HEADERS, ("Content-Length", length)]

    assert (await answered(GUARD, GOOD, headers=headers)).status == 200
    assert (await answered(GUARD, b"x" * 70_000, headers=headers)).status == 413


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Content-Type", "")],
        [("Content-Type", "text/plain")],
        [("Content-Type", "application/x-www-form-urlencoded")],
        [("Content-Type", "multipart/form-data; boundary=x")],
        [("Content-Type", "application/graphql")],
        [("Content-Type", "application/jsonp")],
        [("Content-Type", "application/json; charset=latin-1")],
        [("Content-Type", "text/plain"), ("Content-Type", "application/json")],
        [("Content-Type", "application/json"), ("Content-Encoding", "gzip")],
    ],
)
async def test_other_media_types_are_a_415(headers: list[Header]) -> None:
    """Only JSON in UTF-8, not compressed; a form cannot be posted from another site."""
    assert (await answered(GUARD, GOOD, headers=headers)).status == 415


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"])
async def test_other_methods_are_a_405(method: str) -> None:
    """Queries over GET are not served, and the answer says what is."""
    answer = await answered(GUARD, b"", method=method)

    assert answer.status == 405
    assert answer.headers["allow"] == "POST"


async def test_a_slow_body_is_a_408() -> None:
    """A caller that never finishes is answered after the limit."""
    guard = GraphQLGuard(echo, body_seconds_max=0.01)

    assert (await answered(guard, b"{", hangs=True)).status == 408


async def test_a_caller_that_hangs_up_gets_no_answer() -> None:
    """Nothing is said to nobody, and nothing is executed."""
    assert await send(GUARD, GOOD[:10], hangs_up=True) is None


@pytest.mark.parametrize(
    ("accept", "status", "media_type"),
    [
        (None, 400, "application/json"),
        ("", 400, "application/json"),
        ("*/*", 400, "application/json"),
        ("application/json", 400, "application/json"),
        (GRAPHQL_RESPONSE, 400, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}, application/json;q=0.9", 400, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE};q=0.5, application/json", 400, "application/json"),
        (f"{GRAPHQL_RESPONSE};q=0, application/*", 400, "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", 400, "application/json"),
        ("text/html", 406, "application/json"),
        ("*/*;q=0", 406, "application/json"),
        ("application/json;q=x", 406, "application/json"),
        (" ", 406, "application/json"),
    ],
)
async def test_a_refusal_has_the_media_type_that_is_taken(
    accept: str | None, status: int, media_type: str
) -> None:
    """The newer media type is for those who name it and do not prefer the older."""
    headers = [*JSON_HEADERS, *([("Accept", accept)] if accept is not None else [])]
    answer = await answered(GUARD, b"{", headers=headers)

    assert answer.status == status
    assert answer.headers["content-type"] == media_type


@given(st.binary(max_size=300))
@example(b"\x00")
@example(b'{"a": "\\ud800"}')
@example(b'{"\\ud800": 1}')
async def test_no_bytes_make_a_5xx(body: bytes) -> None:
    """Any bytes are either an object or a refusal in JSON."""
    answer = await answered(GUARD_ONLY_STATUS, body)

    assert answer.status in {200, 400}
    if answer.status == 400:
        assert answer.code == "BAD_USER_INPUT"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON_VALUES)
async def test_no_json_makes_a_5xx(value: object) -> None:
    """Any JSON value is either an object that passes or a refusal."""
    answer = await answered(GUARD_ONLY_STATUS, json.dumps(value).encode())

    assert answer.status in {200, 400}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["Content-Type", "Content-Length", "Accept", "Content-Encoding", "X-Request-Id"]
            ),
            st.text(st.characters(codec="latin-1"), max_size=40),
        ),
        max_size=5,
    )
)
async def test_no_headers_make_a_5xx(headers: list[Header]) -> None:
    """Any headers are either fine or refused, and no request id that is not sane comes back."""
    answer = await answered(GUARD_ONLY_STATUS, b"{", headers=headers)

    assert answer.status in {400, 406, 413, 415}
    assert 1 <= len(answer.json["errors"][0]["extensions"]["requestId"]) <= 64
