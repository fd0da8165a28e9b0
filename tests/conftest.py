"""What every test may ask for: a database of its own, a Redis, a sandbox, the whole stack.

Each worker of the test run starts its own servers, once, when a test first asks. `DATABASE_URL`
makes the tests use that PostgreSQL server instead, in databases that they make and drop.
"""

import http.client
import logging
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import settings
from redis.asyncio import Redis

from app.embedded.account import service_account
from app.embedded.folders import reachable_folder
from app.embedded.postgres import EmbeddedPostgres
from app.embedded.sandbox import EmbeddedSandbox
from app.embedded.valkey import EmbeddedValkey
from app.stack import Stack
from tests import canaries

# A busy machine is slow now and then, which says nothing about the property under test.
settings.register_profile("tollgate", deadline=None)
settings.load_profile("tollgate")

ROOT = Path(__file__).resolve().parent.parent


def on_database(url: str, database: str) -> str:
    """The same server's URL with another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def execute(url: str, statement: str) -> None:
    """Run one statement on its own connection, outside a transaction."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def canary_lines() -> Iterator[canaries.Lines]:
    """Hears every log line of the run."""
    lines = canaries.Lines()
    logging.getLogger().addHandler(lines)
    yield lines
    logging.getLogger().removeHandler(lines)


@pytest.fixture(autouse=True)
def _no_canary_in_a_line(canary_lines: canaries.Lines) -> Iterator[None]:
    """No test logs a secret."""
    yield
    assert list(canary_lines.taken()) == []


@pytest.fixture(scope="session")
def work_folder() -> Iterator[Path]:
    """A folder that the embedded services' account can enter, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="test-", dir=reachable_folder(service_account())))
    folder.chmod(0o711)
    yield folder
    try:
        canaries.refuse_in_files(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def data_folder(work_folder: Path) -> Path:
    """An empty folder for one test's data that any account can enter."""
    folder = Path(tempfile.mkdtemp(dir=work_folder))
    folder.chmod(0o711)
    return folder


@pytest.fixture(scope="session")
def postgres(work_folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL server whose user may make databases."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    with EmbeddedPostgres(work_folder / "postgres", durable=False) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def template(postgres: str) -> AsyncIterator[str]:
    """The name of a database with every migration applied, to copy from."""
    name = f"template_{secrets.token_hex(6)}"
    await execute(postgres, f"create database {name}")
    migrate(on_database(postgres, name))
    yield name
    await execute(postgres, f"drop database {name} with (force)")


@pytest_asyncio.fixture
async def database_url(postgres: str, template: str) -> AsyncIterator[str]:
    """The URL of a migrated database that only this test sees."""
    name = f"test_{secrets.token_hex(6)}"
    await execute(postgres, f"create database {name} template {template}")
    url = on_database(postgres, name)
    yield url
    try:
        await canaries.refuse_in_database(url)
    finally:
        await execute(postgres, f"drop database {name} with (force)")


@pytest_asyncio.fixture
async def empty_database_url(postgres: str) -> AsyncIterator[str]:
    """The URL of a database without any table, for tests of the migrations."""
    name = f"empty_{secrets.token_hex(6)}"
    await execute(postgres, f"create database {name}")
    yield on_database(postgres, name)
    await execute(postgres, f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def valkey(work_folder: Path) -> Iterator[str]:
    """The URL of this worker's Valkey."""
    with EmbeddedValkey(work_folder / "valkey", durable=False) as url:
        yield url


@pytest_asyncio.fixture
async def redis_url(valkey: str) -> AsyncIterator[str]:
    """The URL of a Redis without any key."""
    async with Redis.from_url(valkey) as redis:
        await redis.flushall()
    yield valkey
    await canaries.refuse_in_valkey(valkey)


@pytest.fixture(scope="session")
def running_sandbox(work_folder: Path) -> Iterator[str]:
    """The base URL of this worker's sandbox."""
    sandbox = EmbeddedSandbox(work_folder)
    try:
        yield sandbox.start()
    finally:
        sandbox.stop()


@pytest.fixture
def sandbox_url(running_sandbox: str) -> str:
    """The base URL of a sandbox that has forgotten everything."""
    forget_all(running_sandbox)
    return running_sandbox


def forget_all(running_sandbox: str) -> None:
    """Has the sandbox forget accounts and faults: it is one for all tests of a worker."""
    connection = http.client.HTTPConnection(urlsplit(running_sandbox).netloc, timeout=10)
    try:
        connection.request("POST", "/_sandbox/reset")
        answer = connection.getresponse()
        assert answer.status < http.client.MULTIPLE_CHOICES, answer.read()
    finally:
        connection.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(postgres: str, work_folder: Path) -> AsyncIterator[Stack]:
    """The whole of Tollgate, running: sandbox, API and worker, with a database of their own.

    It is one for all tests of a worker: a test makes its own tenants, orders and payments.
    """
    name = f"stack_{secrets.token_hex(6)}"
    await execute(postgres, f"create database {name}")
    given = {"DATABASE_URL": on_database(postgres, name)}
    with Stack(work_folder / "stack", durable=False, given=given) as running:
        canaries.make_environment_known(running.environment)
        yield running
        await canaries.refuse_in_database(running.database_url)
        await canaries.refuse_in_valkey(running.redis_url)
    await execute(postgres, f"drop database {name} with (force)")


def alembic(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a command of Alembic came to on this database."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "alembic", "-c", str(ROOT / "alembic.ini"), *arguments],
        env=os.environ | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


def migrate(url: str) -> None:
    """Apply every migration to this database, as `tollgate migrate` does."""
    done = alembic(url, "upgrade", "head")
    assert done.returncode == 0, done.stderr
