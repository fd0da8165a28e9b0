"""One attempt: a request made from a seed and a number, and from nothing else that changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from graphql import GraphQLSchema

from tests.fuzz.documents import bomb, broken, operation
from tests.fuzz.values import TEXTS, Json, any_json, is_plain

Header = tuple[bytes, bytes]

_METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "PATCH", "POST", "x")
_PATHS = (
    *("/", "/graphql", "/graphql/", "/viewer", "/livez", "/readyz", "/api/webhooks/stripe"),
    *("/api/webhooks/stripe/pgw_x", "/api/webhooks/health", "/graphiql-assets/x", "//evil/%2e%2e"),
    *("/\0", "/\ufffd", "/" + "a" * 5_000, "*", "", "/graphql\r\nX: 1"),
)
_HEADERS: Mapping[bytes, Sequence[bytes]] = {
    b"content-type": (b"text/plain", b"application/json; charset=utf-16", b"", b"\xff", b";;;="),
    b"accept": (b"*/*;q=x", b"application/graphql-response+json", b"text/html", b",;,;", b"\xff"),
    b"content-length": (b"-1", b"9" * 40, b"\xb2", b"x", b"0"),
    b"content-encoding": (b"gzip", b"\xff"),
    b"x-request-id": (b"a b", b"\xff\xfe", b"4242424242424242", b"x" * 9_000, b"ok-1"),
    b"x-forwarded-for": (b"203.0.113.9", b"\xff", b"," * 5_000, b"1.2.3.4, ::1%eth0"),
    b"x-forwarded-proto": (b"http", b"https", b"\xff"),
    b"tollgate-tenant": (b"acme", b"\xff", b"", b"' OR 1=1", b"a" * 9_000),
    b"tollgate-reason": (b"why", b"4242 4242 4242 4242", b"\xc3\x28", b"\x01"),
    b"stripe-signature": (b"t=1,v1=0", b"t=,v1=", b"\xff", b"t=" + b"9" * 400, b"v1=a," * 900),
    b"origin": (b"https://shop.example", b"null", b"\xff"),
    b"host": (b"evil.example", b"\xff", b""),
    b"cookie": (b"a=b", b"\xff"),
}


@dataclass(frozen=True, slots=True)
class World:
    """What a caller knows: the schema, ids that are there, and tokens by role ("" has none)."""

    schema: GraphQLSchema
    known: Mapping[str, Sequence[str]]
    tokens: Mapping[str, str]


@dataclass(slots=True)
class Attempt:
    """One request, and how it was made."""

    kind: str
    body: bytes
    role: str = ""
    method: str = "POST"
    path: str = "/graphql"
    headers: list[Header] = field(default_factory=list)


def attempt(world: World, seed: int, number: int) -> Attempt:
    """The request of this number."""
    random = Random(f"{seed}:{number}")  # noqa: S311 - the same each time is what it is for
    make = random.choices(list(_KINDS), weights=list(_KINDS.values()))[0]
    made = make(random, world)
    admins = [role for role in world.tokens if role.startswith("ADMIN")]
    made.role = random.choice(admins if random.random() < 0.5 else list(world.tokens))
    bearer = world.tokens[made.role]
    made.headers.insert(0, (b"content-type", b"application/json"))
    if bearer:
        made.headers.append((b"authorization", b"Bearer " + bearer.encode()))
    if random.random() < 0.1:
        _break_headers(random, made)
    return made


def _typed(random: Random, world: World) -> Attempt:
    made = operation(random, world.schema, world.known)
    return Attempt("typed", _body(made.document, made.variables))


def _broken(random: Random, world: World) -> Attempt:
    made = operation(random, world.schema, world.known)
    return Attempt("broken document", _body(broken(random, made.document), made.variables))


def _bomb(random: Random, _: World) -> Attempt:
    return Attempt("bomb", _body(bomb(random), {}))


def _bytes(random: Random, world: World) -> Attempt:
    made = operation(random, world.schema, world.known)
    return Attempt("mutated bytes", _mutated(random, _body(made.document, made.variables)))


def _noise(random: Random, _: World) -> Attempt:
    return Attempt("random bytes", random.randbytes(random.choice((0, 1, 5, 80, 2_000, 70_000))))


def _json(random: Random, world: World) -> Attempt:
    made = operation(random, world.schema, world.known)
    body: Json = any_json(random)
    if random.random() < 0.7:
        parts: dict[str, Json] = {"query": made.document, "variables": dict(made.variables)}
        name = random.choice(("query", "variables", "operationName", "extensions", "documentId"))
        body = parts | {name: any_json(random)}
    return Attempt("random JSON", _dumped(body))


def _elsewhere(random: Random, world: World) -> Attempt:
    made = _bytes(random, world) if random.random() < 0.5 else _json(random, world)
    made.kind = "other routes"
    made.method, made.path = random.choice(_METHODS), random.choice(_PATHS)
    if random.random() < 0.2:
        made.path = "/" + random.choice(TEXTS).encode(errors="replace").decode()
    return made


_KINDS: Mapping[Callable[[Random, World], Attempt], int] = {
    _typed: 40,
    _bytes: 22,
    _broken: 14,
    _json: 10,
    _elsewhere: 8,
    _noise: 4,
    _bomb: 2,
}
"""How often each kind of request is made, in hundredths."""


def _body(document: str, variables: Mapping[str, Json]) -> bytes:
    return _dumped({"query": document, "variables": dict(variables)})


def _dumped(value: Json) -> bytes:
    return json.dumps(value, default=str).encode() if is_plain(value) else b"NaN"


def _mutated(random: Random, body: bytes) -> bytes:
    """The bytes with a few of them flipped, cut, doubled, moved or replaced."""
    made = bytearray(body)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        at = random.randrange(len(made) + 1)
        match random.randrange(6):
            case 0:
                made[at : at + 1] = bytes([random.randrange(256)])
            case 1:
                made[at:at] = random.randbytes(random.choice((1, 1, 4, 64)))
            case 2:
                del made[at : at + random.choice((1, 1, 8, 100))]
            case 3:
                made[at:at] = made[at : at + random.choice((1, 10, 1_000))]
            case 4:
                made[at:at] = random.choice((b"\\u0000", b"\\ud800", b"9" * 25, b"[" * 50, b'"'))
            case _:
                made = made[:at]
    return bytes(made)


def _break_headers(random: Random, made: Attempt) -> None:
    for _ in range(random.choice((1, 1, 2, 4))):
        name = random.choice(list(_HEADERS))
        if random.random() < 0.4:
            made.headers = [header for header in made.headers if header[0] != name]
        made.headers.append((name, random.choice(_HEADERS[name])))
    if random.random() < 0.2:
        made.headers = [(name, _mutated(random, value)) for name, value in made.headers]
    if random.random() < 0.05:
        made.headers *= 2
