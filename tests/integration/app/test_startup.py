"""What is looked at before a process serves in production: its log-in to the database."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.settings import Settings, SettingsError, load_settings
from app.startup import check_login
from db.roles import DatabaseRole, login_faults
from domain.ports import DatabaseUnavailable
from tests.integration.app.logins import a_login, as_login
from tests.integration.app.test_cli import tollgate
from tests.unit.app.test_settings import DEVELOPMENT, PRODUCTION

NOWHERE = "postgresql://u:p@127.0.0.1:1/t"
API = (DatabaseRole.API, DatabaseRole.PLATFORM)


def production(database_url: str, **given: str) -> dict[str, str]:
    """The variables of a production process at this database."""
    return PRODUCTION | {"DATABASE_URL": database_url} | given


async def faults(database_url: str, *roles: str) -> str:
    """What is wrong with the log-in, in words."""
    return "; ".join(await login_faults(database_url, roles or tuple(DatabaseRole)))


async def test_a_plain_login_with_the_roles_is_good(database_url: str) -> None:
    """Neither superuser nor owner, and granted what the process takes: no fault."""
    async with a_login(database_url) as url:
        assert await faults(url) == ""
        await check_login(load_settings(production(url)), tuple(DatabaseRole))


async def test_a_login_that_no_row_level_security_holds_is_a_fault(database_url: str) -> None:
    """A superuser, BYPASSRLS, the owner of the tables, and one that may become any of them."""
    assert "is a superuser" in await faults(database_url)
    async with a_login(database_url, options="BYPASSRLS") as url:
        assert "has BYPASSRLS" in await faults(url)
        bypassing = url.partition("//")[2].partition(":")[0]
        async with a_login(database_url, granted=f"tollgate_api, {bypassing}") as member:
            assert "has BYPASSRLS" in await faults(member, DatabaseRole.API)
    async with a_login(database_url, owns=True) as url:
        assert "owns the tables" in await faults(url)


async def test_every_fault_of_a_login_is_said(database_url: str) -> None:
    """Each role that it may not take, or that is not there, beside what it must not be."""
    async with a_login(database_url, options="BYPASSRLS", granted="tollgate_worker") as url:
        said = await faults(url, *DatabaseRole, "tollgate_of_tomorrow")

    assert said.split("; ") == [
        "its user has BYPASSRLS, so that row-level security does not hold it",
        "its user may not take the role tollgate_api: GRANT tollgate_api TO it",
        "its user may not take the role tollgate_platform: GRANT tollgate_platform TO it",
        "the role tollgate_of_tomorrow does not exist: run the migrations",
    ]


async def test_a_login_that_is_refused_is_a_fault(database_url: str) -> None:
    """A wrong password, an unknown user and an unknown database are the settings' fault."""
    async with a_login(database_url) as url:
        name = url.partition("//")[2].partition(":")[0]
        for wrong in (
            as_login(database_url, name, "hunter2"),
            as_login(database_url, "nobody_at_all", "hunter2"),
            f"{url}_of_tomorrow",
        ):
            said = await faults(wrong)
            assert said.startswith("PostgreSQL refuses it: ")
            assert "hunter2" not in said


async def test_a_database_that_is_away_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the process starts."""
    with pytest.raises(DatabaseUnavailable):
        await login_faults(NOWHERE, API)
    await check_login(load_settings(production(NOWHERE)), API)

    assert "could not be checked" in caplog.text


async def test_development_serves_as_the_owner(database_url: str) -> None:
    """Only production looks."""
    settings = load_settings(DEVELOPMENT | {"DATABASE_URL": database_url})
    await check_login(settings, API)
    with pytest.raises(SettingsError, match="is a superuser"):
        await check_login(a_production_of(settings), API)


def a_production_of(settings: Settings) -> Settings:
    """The same database, in production."""
    return load_settings(production(settings.database_url.get_secret_value()))


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_process_refuses_to_start(database_url: str, command: str) -> None:
    """Code 2, and the faults of the log-in as those of a setting."""
    done = tollgate(command, environ=production(database_url))

    assert done.returncode == 2
    assert done.stderr.startswith("1 setting is missing or wrong:\n  DATABASE_URL: its user is a ")
    assert "Traceback" not in done.stderr


async def test_an_api_starts_with_a_good_login(database_url: str) -> None:
    """It serves, and is ready."""
    async with a_login(database_url) as url:
        with started(production(url)) as port:
            assert (status(port, "/livez"), status(port, "/readyz")) == (200, 200)


def test_an_api_starts_while_the_database_is_away() -> None:
    """It serves and says that it is not ready, so that it is ready as soon as the database is."""
    with started(production(NOWHERE)) as port:
        assert (status(port, "/livez"), status(port, "/readyz")) == (200, 503)


def test_a_worker_starts_while_the_database_is_away() -> None:
    """Its loops try again until the database is there."""
    given = production(NOWHERE, REDIS_URL="redis://127.0.0.1:1")
    command = [sys.executable, "-m", "app", "worker"]
    with subprocess.Popen(command, env=given, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "worker ready" in line:
                break
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)

    assert "could not be checked" in said[0]
    assert "worker ready" in said[-1]
    assert process.returncode == 0


@contextmanager
def started(environ: dict[str, str]) -> Iterator[int]:
    """The port of an API with these variables, once it answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = int(listener.getsockname()[1])
        command = [sys.executable, "-m", "app", "serve", "--fd", str(listener.fileno())]
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, env=environ, pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL
        )
    try:
        yield port
    finally:
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM  # said again by uvicorn once all is closed


def status(port: int, path: str) -> int:
    """The status of the answer; the socket listens before the process does."""
    end = time.monotonic() + 30
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except ConnectionError:
            assert time.monotonic() < end, "the API did not start"
            time.sleep(0.05)
        finally:
            connection.close()
