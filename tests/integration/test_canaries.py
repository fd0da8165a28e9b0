"""The search for secrets sees one in each place where one could be, and none where none is."""

from __future__ import annotations

import logging
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from tests import canaries
from tests.canaries import CanaryFound

SECRETS = [
    ("gateway key", "sk_" + "live_51HxCanary00"),
    ("webhook secret", "whsec_" + "Canary00Canary"),
    ("token", ".".join(["eyJ" + "hbGciOiJIUzI1NiJ9", "eyJzdWIiOiJqYW5lIn0", "c2lnbmF0dXJl"])),
    ("client secret", "pi_3Canary_" + "secret_Canary00"),
    ("card number", "4242" * 4),
    ("card number", "4242 " * 4),
    ("e-mail", "jane@" + "shop.example"),
]


@pytest.mark.parametrize(("kind", "secret"), SECRETS)
def test_a_secret_is_found_in_a_text(kind: str, secret: str) -> None:
    """Each kind is named, and neither the error nor its context repeats it."""
    with pytest.raises(CanaryFound) as found:
        canaries.refuse("here", f"before {secret} after")

    assert f"here holds a {kind} after 'before '" in str(found.value)
    assert secret.strip() not in str(found.value)


def test_a_random_secret_is_found_once_it_is_known() -> None:
    """A value without a shape is found as text and as bytes, after it was made known."""
    value = "correct horse battery staple"
    canaries.refuse("here", value)
    canaries.make_known("a password", value)

    for text in (value, value.encode().hex()):
        with pytest.raises(CanaryFound, match="a password"):
            canaries.refuse("here", f"x {text}")


def test_what_is_no_secret_is_not_found() -> None:
    """Ids, amounts, names of settings and redacted lines pass."""
    for text in (
        "pay_01kb4242424242424242abc pi_3NkW2eLkdIwHu7ix sk_test_[redacted] client_secret",
        '{"amountCents": 4242424242424242}',
        'violates check constraint "ck_tenant_payment_gateways_secret_key_hint"',
        "whsec_[redacted] [redacted]@shop.example STRIPE_WEBHOOK_SECRET",
    ):
        canaries.refuse("here", text)


@pytest.mark.parametrize(("kind", "secret"), SECRETS)
def test_a_secret_is_found_in_an_answer(kind: str, secret: str) -> None:
    """An answer may hold one only under the name by which it was asked for."""
    for name in ("clientSecret", "token", "customerEmail"):
        canaries.refuse_in_answer("here", f'{{"{name}": "{secret}"}}'.encode())
    with pytest.raises(CanaryFound, match=kind):
        canaries.refuse_in_answer("here", f'{{"message": "{secret}"}}'.encode())


async def test_a_secret_is_found_in_the_database(postgres: str) -> None:
    """In text, JSON and bytes of any table; an address only outside its own columns."""
    connection = await asyncpg.connect(postgres)
    name = "canary_planted"
    await connection.execute(f"create database {name}")
    url = postgres.rsplit("/", 1)[0] + f"/{name}"
    key = SECRETS[0][1]
    canaries.make_known("a key", key)
    planted = await asyncpg.connect(url)
    try:
        await planted.execute(
            "create table orders (a text, b jsonb, c bytea, customer_email text);"
            "create table notes (a text)"
        )
        await planted.execute("insert into orders (customer_email) values ('jane@shop.example')")
        await canaries.refuse_in_database(url)
        for statement, value in (
            ("insert into orders (a) values ($1)", key),
            ("insert into orders (b) values ($1)", f'{{"a": ["{key}"]}}'),
            ("insert into orders (c) values ($1)", key.encode()),
            ("insert into notes values ($1)", "to jane@shop.example"),
        ):
            await planted.execute(statement, value)
            with pytest.raises(CanaryFound, match=r"table (orders|notes) holds"):
                await canaries.refuse_in_database(url)
            await planted.execute("truncate orders, notes")
    finally:
        await planted.close()
        await connection.execute(f"drop database {name} with (force)")
        await connection.close()


async def test_a_secret_is_found_in_valkey(redis_url: str) -> None:
    """In a key, and in a value of any type."""
    secret = SECRETS[1][1]
    async with Redis.from_url(redis_url) as redis:
        for command in (
            ("SET", secret, "a"),
            ("SET", "a", secret),
            ("RPUSH", "a", "b", secret),
            ("HSET", "a", "b", secret),
            ("SADD", "a", secret),
            ("ZADD", "a", 1, secret),
            ("XADD", "a", "*", "b", secret),
        ):
            await redis.execute_command(*command)
            with pytest.raises(CanaryFound, match="Valkey holds a webhook secret"):
                await canaries.refuse_in_valkey(redis_url)
            await redis.flushall()
            await canaries.refuse_in_valkey(redis_url)


def test_a_secret_is_found_in_a_file(tmp_path: Path) -> None:
    """In any log below the folder, which is named; other files are no logs."""
    (tmp_path / "data").write_text(SECRETS[0][1])
    canaries.refuse_in_files(tmp_path)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "api.log").write_text(f"fine\n{SECRETS[0][1]}\n")

    with pytest.raises(CanaryFound, match=r"logs/api\.log holds a"):
        canaries.refuse_in_files(tmp_path)


def test_a_secret_is_found_in_a_line() -> None:
    """A known secret that the formatter lets through is found; one that it blacks out is not."""
    value = "tr0ub4dor-and-three"
    canaries.make_known("a password", value)
    lines = canaries.Lines()
    logger = logging.getLogger("planted")
    logger.propagate = False
    logger.addHandler(lines)
    try:
        logger.warning("key %s", SECRETS[0][1])
        assert list(lines.taken()) == []
        logger.warning("password %s", value)
    finally:
        logger.removeHandler(lines)

    assert len(list(lines.taken())) == 1
    assert list(lines.taken()) == []
