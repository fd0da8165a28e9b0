"""Secrets that must turn up nowhere: looked for in all that a run of the tests leaves behind.

Secrets have shapes, and those that are random are made known by the fixtures that make them. They
are looked for in every log line and log file, in every database and Valkey before it is dropped or
emptied, and in the answers that the tests' own clients hear. A find fails the test at whose end it
is made. The shapes are written anew here: those of `domain.free_text`, which the log goes by, are
what is tried. There are no traces yet to look through.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from redis.asyncio import Redis

from app.logging import LineFormatter

CARD_NUMBERS = (
    *("4242424242424242", "4000000000000002", "4000056655665556", "5555555555554444"),
    *("378282246310005", "6011111111111117", "3056930009020004", "4000002500003155"),
)
"""What the tests send, and the best known of the gateway's test cards."""

SHAPES: Mapping[str, str] = {
    "gateway key": r"\b[rs]k_(?:test|live)_\w{8,}",
    "webhook secret": r"\bwhsec_[\w+/=-]{8,}",
    "token": r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}",
    # but for the name of a rule of our tables, which PostgreSQL quotes when it refuses a row
    "client secret": r"\b(?!ck_)[a-z]{2,12}_\w+_secret_\w{6,}",
    "card number": r"(?<![\w.])(?<!Cents\": )(?<!Cents\":)(?:"
    + "|".join([*CARD_NUMBERS, *(" ".join(re.findall(".{1,4}", at)) for at in CARD_NUMBERS)])
    + r")(?!\w)",
    # but for the one that the gateway's library gives in its own words
    "e-mail": r"(?<![\w.+-])(?!support@stripe\.com)[\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}",
}

EMAIL_COLUMNS = ("customer_email", "customer_email_folded")
"""The columns of orders that hold the customer's address, and the only ones that may."""

_ANSWERED = re.compile(r'"(?:clientSecret|token|customerEmail)": ?"[^"]*"')
"""Where an answer may hold a secret: its caller asked for it by this name."""

_known: dict[str, str] = {}
_pattern = re.compile("|".join(f"(?:{shape})" for shape in SHAPES.values()))


class CanaryFound(AssertionError):
    """A secret is where none may be. Names the place and the kind, not the secret."""


def make_known(name: str, value: str) -> None:
    """From here on this very value is looked for too, also as PostgreSQL prints bytes."""
    global _pattern
    _known[value] = _known[value.encode().hex()] = name
    shapes = [f"(?:{shape})" for shape in SHAPES.values()]
    _pattern = re.compile("|".join([*map(re.escape, _known), *shapes]))


def make_environment_known(environ: Mapping[str, str]) -> None:
    """The secrets among the variables of a process."""
    for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_CONNECT_WEBHOOK_SECRET"):
        make_known(name, environ[name])
    for name in ("TOLLGATE_CREDENTIAL_KEYS", "TOLLGATE_CHECKOUT_KEYS"):
        make_known(name, environ[name].partition(":")[2])
    for key in json.loads(environ["TOLLGATE_JWT_KEYS"]):
        make_known("TOLLGATE_JWT_KEYS", key["key"])
    for name in ("DATABASE_URL", "REDIS_URL"):
        if password := urlsplit(environ[name]).password:
            make_known(name, password)


def find(text: str) -> str | None:
    """The kind of the first secret in the text, with what stands before it."""
    found = _pattern.search(text)
    if found is None:
        return None
    kind = _known.get(found[0]) or next(
        name for name, shape in SHAPES.items() if re.match(shape, found[0])
    )
    return f"{kind} after {text[max(0, found.start() - 80) : found.start()]!r}"


def refuse(place: str, text: str) -> None:
    """Raises CanaryFound when the text holds a secret."""
    if what := find(text):
        raise CanaryFound(f"{place} holds a {what}")


def refuse_in_answer(place: str, body: bytes) -> None:
    """Raises CanaryFound when an answer holds a secret that was not asked for by its name."""
    refuse(place, _ANSWERED.sub('""', body.decode(errors="replace")))


def refuse_in_files(folder: Path) -> None:
    """Raises CanaryFound when a log below the folder holds a secret."""
    for path in sorted(folder.rglob("*.log")):
        if path.is_file():
            with path.open(errors="replace") as lines:
                for line in lines:
                    refuse(str(path.relative_to(folder)), line)


async def refuse_in_database(url: str) -> None:
    """Raises CanaryFound when a row of any table holds a secret."""
    connection = await asyncpg.connect(url)
    try:
        async for table, row in _rows(connection):
            refuse(f"table {table}", row)
    finally:
        await connection.close()


async def _rows(connection: Any) -> AsyncIterator[tuple[str, str]]:
    tables = await connection.fetch(
        "select quote_ident(tablename) as name from pg_tables where schemaname = 'public'"
    )
    if not tables:
        return
    columns = ", ".join(f"'{column}'" for column in EMAIL_COLUMNS)
    selects = [
        f"select '{table['name']}', (to_jsonb(t)"  # noqa: S608 - names of our own tables
        + (f" - array[{columns}]" if table["name"] == "orders" else "")
        + f")::text from {table['name']} t"
        for table in tables
    ]
    for table, row in await connection.fetch(" union all ".join(selects)):
        yield table, row


async def refuse_in_valkey(url: str) -> None:
    """Raises CanaryFound when a key or a value holds a secret."""
    async with Redis.from_url(url) as redis:
        async for key in redis.scan_iter():
            refuse("Valkey", f"{_text(key)} {_text(await _value(redis, key))}")


_READ: Mapping[str, tuple[object, ...]] = {
    "string": ("GET",),
    "hash": ("HGETALL",),
    "list": ("LRANGE", 0, -1),
    "set": ("SMEMBERS",),
    "zset": ("ZRANGE", 0, -1),
    "stream": ("XRANGE", "-", "+"),
}


async def _value(redis: Any, key: bytes) -> object:
    command, *more = _READ[(await redis.type(key)).decode()]
    return await redis.execute_command(command, key, *more)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, Mapping):
        return " ".join(_text(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return " ".join(map(_text, value))
    return str(value)


class Lines(logging.Handler):
    """Formats every record as a process of Tollgate would, and keeps what it finds."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(LineFormatter())
        self._found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Looks at the line."""
        if what := find(self.format(record)):
            self._found.append(f"a line of {record.name} holds a {what}")

    def taken(self) -> Iterator[str]:
        """What was found since the last time."""
        found, self._found = self._found, []
        yield from found
