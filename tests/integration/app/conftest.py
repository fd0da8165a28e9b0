"""Fixtures of the tests of the running parts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from redis.asyncio import Redis

import app.embedded
from app.budgets import Rates
from app.embedded.account import NOBODY
from app.embedded.binaries import POSTGRES_PACKAGE, VALKEY_PACKAGE
from app.jwks import Jwks
from app.windows import RedisWindows
from tests.integration.app import instance
from tests.integration.app.budgeted import Front, Make
from tests.integration.app.issuer import OLD, Hours, Issuer, issuing, jwk
from tests.integration.app.minting import PUBLISHED
from tests.integration.app.shop import Shop, a_tenant, serving


@pytest.fixture(scope="session")
def public_site(work_folder: Path) -> Path:
    """The embedded services' code and packages in a folder that every user can read."""
    site = work_folder / "site"
    packages = Path(asyncpg.__file__).parent.parent
    for name in (POSTGRES_PACKAGE, f"{POSTGRES_PACKAGE}.libs", VALKEY_PACKAGE):
        if (packages / name).is_dir():
            shutil.copytree(packages / name, site / name)
    code = Path(app.embedded.__file__).parent
    shutil.copytree(code, site / "app" / "embedded", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(instance.__file__, site)
    subprocess.run(["/bin/chmod", "-R", "u=rwX,go=rX", str(site)], check=True)  # noqa: S603
    return site


@pytest.fixture(scope="session")
def public_python(work_folder: Path) -> str:
    """A Python of at least 3.11 that every user can run."""
    question = "import sys; sys.exit(sys.version_info < (3, 11))"
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            command = [python, "-c", question]
            done = subprocess.run(  # noqa: S603 - our own command
                command, user=NOBODY, group=NOBODY, extra_groups=[], cwd=work_folder, check=False
            )
        except OSError:
            continue
        if done.returncode == 0:
            return python
    pytest.skip("no Python here can be run by another user")


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """An issuer with one key, `old`."""
    async with issuing(jwk("old", OLD)) as issuer:
        yield issuer


@pytest.fixture
def hours() -> Hours:
    """The time, as the key set sees it."""
    return Hours()


@pytest.fixture
def keys(issuer: Issuer, hours: Hours) -> Jwks:
    """The issuer's keys, not yet fetched."""
    return Jwks(issuer.url, hours)


@pytest_asyncio.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    """An API that knows every kind of key."""
    tenant_id = await a_tenant(database_url)
    keys = [jwk(kid, key) for kid, key in PUBLISHED.items()]
    async with issuing(*keys) as issuer, serving(database_url, issuer.url) as app:
        yield Shop(app, tenant_id, issuer, database_url)


@pytest_asyncio.fixture
async def a_front(redis_url: str) -> AsyncIterator[Make]:
    """Makes an endpoint that counts in Redis what is named, and nothing else, in one window; a busy
    machine is no reason to count elsewhere."""
    windows = RedisWindows(Redis.from_url(redis_url), lambda: 1_800_000_000.0)
    yield lambda **rates: Front(windows, Rates(**rates), seconds_max=10.0)
    await windows.close()
