"""`tollgate doctor`: each fault is found, and said with what to do about it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from app.doctor import CLOCK_SECONDS_MAX, clock, key_mode, migrations, secrets_in_force
from app.doctor_command import SICK
from app.settings import load_settings
from db.revision import known_revisions
from tests.integration.app.in_process import Done, run
from tests.unit.app.test_settings import DEVELOPMENT, PRODUCTION

KEY = "sk_test_hunter2hunter2"


@pytest.fixture
def environ(database_url: str, redis_url: str, sandbox_url: str) -> dict[str, str]:
    """An installation in development, all of whose servers run."""
    return DEVELOPMENT | {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_API_BASE": sandbox_url,
    }


async def examined(environ: dict[str, str]) -> tuple[Done, dict[str, dict[str, str]]]:
    """What the doctor said, by check."""
    done = await asyncio.to_thread(run, "doctor", "--json", environ=environ)
    return done, {check["name"]: check for check in json.loads(done.out)}


async def write(database_url: str, *statements: str) -> None:
    """What was done to the database."""
    connection = await asyncpg.connect(database_url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


WORKER = (
    "INSERT INTO processes VALUES ('proc_1', 'worker', '1', now(), now() - interval '{} seconds',"
    " 10, {}, {})"
)


async def test_a_sound_installation_is_well(database_url: str, environ: dict[str, str]) -> None:
    """Nothing is a fault; a superuser in development is to be looked at."""
    await write(database_url, WORKER.format(0, 0, "NULL"))
    done, found = await examined(environ)

    assert done.code == 0
    assert {name for name, check in found.items() if check["verdict"] != "ok"} == {"database"}
    assert found["gateway"]["found"].startswith("takes the key of acct_")
    assert found["migrations"]["found"] == f"at {known_revisions()[0]}"
    table = await asyncio.to_thread(run, "doctor", environ=environ | {"COLUMNS": "200"})
    assert table.code == 0
    assert "what to do" in table.out


async def test_each_fault_is_found(database_url: str, environ: dict[str, str]) -> None:
    """A stuck worker, a full pool, a dead event, an operation without outcome, a key of the wrong
    kind: all in one look."""
    await write(
        database_url,
        WORKER.format(60, 10, "now() - interval '90 seconds'"),
        "INSERT INTO webhook_events (id, gateway_id, livemode, event_id, event_type, payload,"
        " status, attempts, error_message, created_at) SELECT 'we_1', id, false, 'evt_1', 'x',"
        " '{}', 'DEAD', 8, 'poison', now() FROM tenant_payment_gateways LIMIT 1",
    )
    done, found = await examined(environ | {"STRIPE_SECRET_KEY": "sk_test_sandbox_expired"})

    assert done.code == SICK
    faults = {name for name, check in found.items() if check["verdict"] == "fault"}
    assert faults == {"worker", "pools", "inbox", "gateway"}
    assert all(found[name]["fix"] for name in faults)


async def test_a_wrong_key_is_found(environ: dict[str, str]) -> None:
    """The gateway is asked, and refuses."""
    done, found = await examined(environ | {"STRIPE_SECRET_KEY": "sk_test_sandbox_expired"})
    assert done.code == SICK
    assert found["gateway"]["verdict"] == "fault"


async def test_a_database_that_lacks_migrations(database_url: str, environ: dict[str, str]) -> None:
    """Said first, and nothing is read from tables that may not be there."""
    await write(database_url, "UPDATE alembic_version SET version_num = '0020'")
    done, found = await examined(environ)
    assert done.code == SICK
    assert found["migrations"]["fix"] == "tollgate migrate"
    assert "worker" not in found


async def test_a_database_that_is_away(environ: dict[str, str]) -> None:
    """The rest is looked at all the same."""
    gone = environ | {"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/t"}
    done, found = await examined(gone)
    assert done.code == SICK
    assert found["database"]["verdict"] == "fault"
    assert found["valkey"]["verdict"] == "ok"
    assert "hunter2" not in done.out


def test_settings_that_are_missing() -> None:
    """Every one of them, with no value shown."""
    done = run("doctor", "--json", environ={"TOLLGATE_ENV": "production", "DATABASE_URL": ""})
    said = [check["found"] for check in json.loads(done.out)]
    assert done.code == SICK
    assert "DATABASE_URL: missing" in said


async def test_secret_files_that_others_read(environ: dict[str, str], tmp_path: Path) -> None:
    """A fault, until they are closed."""
    secret = tmp_path / "key"
    secret.write_text(environ.pop("STRIPE_SECRET_KEY"))
    secret.chmod(0o644)
    _, found = await examined(environ | {"STRIPE_SECRET_KEY_FILE": str(secret)})
    assert found["secret files"]["verdict"] == "fault"
    secret.chmod(0o640)
    _, found = await examined(environ | {"STRIPE_SECRET_KEY_FILE": str(secret)})
    assert found["secret files"]["verdict"] == "ok"


def test_clocks_keys_and_secrets_are_judged() -> None:
    """Those that a test cannot bring about at a running server."""
    live, test = load_settings(PRODUCTION), load_settings(DEVELOPMENT)
    staging = load_settings(PRODUCTION | {"STRIPE_SECRET_KEY": KEY})
    now = datetime.now(UTC)
    ending = load_settings(
        PRODUCTION | {"STRIPE_WEBHOOK_SECRET": f"whsec_a@{(now + timedelta(days=3)).isoformat()}"}
    )

    assert clock(CLOCK_SECONDS_MAX).verdict == "ok"
    assert clock(-CLOCK_SECONDS_MAX - 0.1).verdict == "fault"
    assert key_mode(live, frozenset({True})).verdict == "ok"
    assert key_mode(live, frozenset({False, True})).verdict == "fault"
    assert key_mode(test, frozenset()).verdict == "ok"
    assert key_mode(staging, frozenset({False})).verdict == "warning"
    assert secrets_in_force(live, now).verdict == "ok"
    assert secrets_in_force(ending, now).verdict == "warning"
    assert migrations("9999").verdict == "warning"
    assert migrations(None).verdict == "fault"
