"""Values that callers should never send, and those that they might, by the types of the schema."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random
from typing import cast

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
)

PAN = "4242424242424242"
"""The card number that must come back in no answer."""

TEXTS: Sequence[str] = (
    *(
        "",
        " ",
        "\0",
        "a\0b",
        "\ud800",
        "\udfff\ud800",
        "\u202eabc",
        "a\u200bb",
        "\ufeff",
        "e\u0301",
    ),
    *("\u00e9", "\r\nX-Evil: 1", "\n", "\x7f", "\x85", "' OR 1=1 --", '"; drop table orders; --'),
    *("%", "_", "\\", "{{7*7}}", "=cmd()", "${jndi:ldap://x}", "\U0001f4b3", "\U0001f468\u200d"),
    *("../../etc/passwd", "tollgate_x", "null", "0", "-1", "1e309", "NaN", "x" * 501, "x" * 10_000),
    *(PAN, "4242 4242 4242 4242", f"pay with {PAN}", "cvc", "\u0663\u0664", "\uff11", "[x]"),
    *("https://shop.example", "http://evil", "javascript:alert(1)", "jane@shop.example", "@", "a@"),
    *("USD", "usd", "XXX", "JPY", "EUR", "CARD", "STRIPE", "PAID", "2026-11-22T10:00:00Z"),
    *(
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59+00:00",
        "pm_card_visa",
        "pm_card_chargeDeclined",
    ),
)
NUMBERS: Sequence[int | float] = (
    *(0, 1, -1, 2, 50, 100, 10_000, 2**31 - 1, 2**31, -(2**31), 2**53 - 1, 2**53, 2**63 - 1, 2**63),
    *(10**18, -(10**18), 1.0, 10.5, -0.0, 1e308, 5e-324, int(PAN)),
)
KEYS = ("a", "", "input", "id", "cvc", "tollgate_x", "a[b]", "\0", "\ud800", "x" * 41, PAN, "é")

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def any_json(random: Random, depth: int = 4) -> Json:
    """Any JSON value."""
    kind = random.randrange(7 if depth else 5)
    if kind == 0:
        return random.choice((None, True, False))
    if kind == 1:
        return random.choice(NUMBERS)
    if kind in {2, 3, 4}:
        return random.choice(TEXTS)
    if kind == 5:
        return [any_json(random, depth - 1) for _ in range(random.randrange(4))]
    return {random.choice(KEYS): any_json(random, depth - 1) for _ in range(random.randrange(5))}


def of_type(random: Random, kind: GraphQLInputType, known: Mapping[str, Sequence[str]]) -> Json:
    """A value for the type: mostly one that fits, now and then any other."""
    if random.random() < 0.03:
        return any_json(random, 3)
    if isinstance(kind, GraphQLNonNull):
        return of_type(random, cast(GraphQLInputType, kind.of_type), known)
    if isinstance(kind, GraphQLList):
        inner = cast(GraphQLInputType, kind.of_type)
        return [of_type(random, inner, known) for _ in range(random.choice((0, 1, 1, 2, 3)))]
    if isinstance(kind, GraphQLEnumType):
        return random.choice(list[str](kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        return _object(random, kind, known)
    return _scalar(random, kind.name, known)


def _object(
    random: Random, kind: GraphQLInputObjectType, known: Mapping[str, Sequence[str]]
) -> Json:
    fields = list(kind.fields.items())
    if kind.is_one_of and random.random() < 0.9:
        fields = [random.choice(fields)]
    made: dict[str, Json] = {}
    for name, field in fields:
        needed = isinstance(field.type, GraphQLNonNull) or kind.is_one_of
        if random.random() < (0.99 if needed else 0.4):
            made[name] = named(random, name, known) or of_type(random, field.type, known)
    if random.random() < 0.03:
        made[random.choice(KEYS)] = any_json(random, 2)
    return made


def named(random: Random, name: str, known: Mapping[str, Sequence[str]]) -> Json:
    """A good value for a field of this name, where one is known; None now and then."""
    values = known.get(name)
    if random.random() < 0.1:
        return None
    if name == "idempotencyKey":
        return f"fuzz-{random.getrandbits(64):x}" if random.random() < 0.9 else "fuzz-same"
    if name == "reference":
        return f"ref-{random.getrandbits(64):x}"
    return random.choice(values) if values else None


def _scalar(random: Random, name: str, known: Mapping[str, Sequence[str]]) -> Json:
    is_good = random.random() < 0.8
    if name in {"Cents", "SignedCents", "Int", "Float"}:
        return random.choice((1, 2, 10, 50, 60, 100)) if is_good else random.choice(NUMBERS)
    if name == "Boolean":
        return random.random() < 0.5
    if name == "Currency":
        return "USD" if is_good else random.choice(("EUR", "JPY", "KWD", "usd", "XXX", ""))
    if name == "JSON":
        return {"a": "b"} if is_good else any_json(random, 3)
    if name == "DateTime":
        return "2026-11-22T10:00:00Z" if is_good else random.choice(TEXTS)
    if name == "ID":
        return random.choice(known["id"]) if is_good else random.choice(TEXTS)
    return "a good text" if is_good else random.choice(TEXTS)


def is_plain(value: object) -> bool:
    """Whether JSON has a way to write it."""
    return not isinstance(value, float) or math.isfinite(value)
