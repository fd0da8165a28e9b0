"""`tollgate keys rotate`, as an operator calls it."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace

import pytest
from sqlalchemy import text

from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.seeding import add_tenant
from db.work import SqlDatabase
from tests.integration.app.in_process import Done, run
from tests.integration.app.test_cli import tollgate
from tests.integration.db.builders import a_full_payment, an_order
from tests.integration.db.conftest import Merchant
from tests.unit.app.test_settings import DEVELOPMENT

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


def keys(**named: bytes) -> str:
    """The setting, the first being the one that encrypts."""
    return ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in named.items())


async def stored(database_url: str) -> tuple[str, ...]:
    """Two tenants with a payment each whose client secret is under the old key; the payments."""
    engine = make_engine(database_url, pool_size=1)
    database = SqlDatabase(engine, AesGcmCipher({"old": OLD}, "old"))
    ids = []
    for slug in ("acme", "globex"):
        merchant = Merchant(
            *await add_tenant(engine, name=slug, slug=slug, tier_level=1, default_currency="USD")
        )
        order = an_order(merchant)
        payment = replace(a_full_payment(merchant, order), gateway_payment_id=None)
        async with database.begin(merchant.id) as work:
            await work.orders.add(order)
            await work.payments.add(payment)
            await work.commit()
        ids.append(payment.id)
    await engine.dispose()
    return tuple(ids)


async def rotated(*options: str, environ: dict[str, str]) -> Done:
    """What the command came to, within this process."""
    return await asyncio.to_thread(run, "keys", "rotate", *options, environ=environ)


async def test_the_command_moves_everything_and_says_when_the_old_key_may_go(
    database_url: str,
) -> None:
    """A dry run counts by key and changes nothing; both say by 3 that something remains, by 0 that
    nothing does; progress goes to standard error."""
    await stored(database_url)
    environ = DEVELOPMENT | {"DATABASE_URL": database_url}
    both = environ | {"TOLLGATE_CREDENTIAL_KEYS": keys(new=NEW, old=OLD)}
    before, dry = [await rotated("--dry-run", environ=both) for _ in range(2)]
    moved = tollgate("keys", "rotate", environ=both)
    alone = environ | {"TOLLGATE_CREDENTIAL_KEYS": keys(new=NEW)}
    after = await rotated("--dry-run", environ=alone)

    assert (before.code, before.out) == (3, "new (active): 0\nold: 2\n"), before.err
    assert dry.out == before.out
    assert (moved.returncode, moved.stdout) == (0, "new (active): 2\n"), moved.stderr
    assert "re-encrypting" in moved.stderr
    assert "2/2" in moved.stderr
    assert (after.code, after.out) == (0, "new (active): 2\n"), after.err


async def test_the_command_names_what_no_key_opens(database_url: str) -> None:
    """It moves the rest, and ends with 3 as long as something remains."""
    broken, _ = await stored(database_url)
    engine = make_engine(database_url, pool_size=1)
    async with engine.begin() as connection:
        cut = text("UPDATE payments SET next_action = substr(next_action, 1, 9) WHERE id = :id")
        await connection.execute(cut, {"id": broken})
    await engine.dispose()
    environ = DEVELOPMENT | {
        "DATABASE_URL": database_url,
        "TOLLGATE_CREDENTIAL_KEYS": keys(new=NEW, old=OLD),
    }
    done = await rotated(environ=environ)

    assert (done.code, done.out) == (3, "new (active): 1\nold: 1\n"), done.err
    assert f"unreadable: payments.next_action of {broken}" in done.err


@pytest.mark.parametrize("options", [[], ["--dry-run"]], ids=["rotate", "dry run"])
async def test_a_database_that_is_away_is_said_in_words(options: list[str]) -> None:
    """The command ends with 1 and can be run again."""
    environ = DEVELOPMENT | {"DATABASE_URL": "postgresql://tollgate@127.0.0.1:1/tollgate"}
    done = await rotated(*options, environ=environ)

    assert done.code == 1
    assert "run it again" in done.err
    assert "Traceback" not in done.err
