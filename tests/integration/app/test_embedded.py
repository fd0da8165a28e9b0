"""The embedded services: their life, their death, and what they say when something fails."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from app.embedded.account import NOBODY, Account, give
from app.embedded.child import start_child
from app.embedded.postgres import EmbeddedPostgres
from app.embedded.valkey import EmbeddedValkey
from tests.integration.app import instance
from tests.integration.app.instance import service

MADE_UP = 47_011
"""A user id without an entry in the user database, as containers often run under."""
KINDS = ("postgres", "valkey")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@dataclass(frozen=True, slots=True)
class Running:
    """An instance in a process of its own."""

    parent: "subprocess.Popen[str]"
    url: str
    pid: int
    uid: int


@contextmanager
def running(
    kind: str,
    data_dir: Path,
    *packages: str,
    uid: int | None = None,
    umask: int = -1,
    python: str = sys.executable,
    site: Path | None = None,
) -> Iterator[Running]:
    """Start an instance in a child Python, as this user or another, and stop it at the end."""
    with subprocess.Popen(  # noqa: S603 - our own command
        [
            python,
            str((site or Path(instance.__file__).parent) / "instance.py"),
            kind,
            str(data_dir),
            *packages,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env=os.environ if site is None else {"PYTHONPATH": str(site)},
        user=uid,
        group=uid,
        extra_groups=None if uid is None else [],
        umask=umask,
    ) as parent:
        assert parent.stdout is not None
        yield Running(parent, **json.loads(parent.stdout.readline()))
        assert parent.stdin is not None
        parent.stdin.close()


def ended(pid: int, *, within_seconds: float = 10.0) -> bool:
    """Whether the process ends in time; one that waits to be reaped counts as ended."""
    end = time.monotonic() + within_seconds
    while time.monotonic() < end:
        status = Path(f"/proc/{pid}/status")
        try:
            if "State:\tZ" in status.read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


def may_take_a_name(uid: int) -> bool:
    """Whether the kernel lets this user have a user namespace."""
    done = subprocess.run(
        ["/usr/bin/unshare", "--user", "/bin/true"], user=uid, extra_groups=[], check=False
    )
    return done.returncode == 0


def owner(pid: int) -> int:
    """The user id that a process runs under."""
    return Path(f"/proc/{pid}").stat().st_uid


async def answers(url: str) -> bool:
    """Whether the server behind this URL takes its password and answers."""
    if url.startswith("redis:"):
        async with Redis.from_url(url) as redis:
            return bool(await redis.ping())
    connection = await asyncpg.connect(url)
    try:
        return bool(await connection.fetchval("select 1") == 1)
    finally:
        await connection.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_service_serves_the_present_user(kind: str, data_folder: Path) -> None:
    """The user who runs the tests gets a server that takes its password and answers."""
    with service(kind, data_folder) as url:
        assert await answers(url)


@as_root
@pytest.mark.parametrize("uid", [NOBODY, MADE_UP])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_service_serves_an_ordinary_user(
    kind: str, uid: int, data_folder: Path, public_site: Path, public_python: str
) -> None:
    """A user who is not root gets the same, under the user's own id, with or without a name."""
    if uid == MADE_UP and not may_take_a_name(uid):
        pytest.skip("user namespaces are not allowed here")
    give(data_folder, Account(uid))
    site = str(public_site)
    with running(
        kind, data_folder, site, uid=uid, python=public_python, site=public_site
    ) as server:
        assert server.uid == uid
        assert await answers(server.url)
        assert owner(server.pid) == uid


@as_root
@pytest.mark.parametrize("kind", KINDS)
def test_a_service_of_root_runs_as_another_user(kind: str, data_folder: Path) -> None:
    """Root's servers run under the account that owns nothing."""
    server = service(kind, data_folder)
    try:
        server.start()
        assert server.pid is not None
        assert owner(server.pid) == NOBODY
    finally:
        server.stop()


@as_root
@pytest.mark.parametrize("kind", KINDS)
async def test_root_needs_no_readable_home(
    kind: str, data_folder: Path, public_site: Path, tmp_path: Path
) -> None:
    """With the packages under a 0700 folder root's servers run from a copy that they can read."""
    closed = tmp_path / "home"
    shutil.copytree(public_site, closed)
    closed.chmod(0o700)
    with running(kind, data_folder, str(closed)) as server:
        assert await answers(server.url)
        assert not Path(os.readlink(f"/proc/{server.pid}/exe")).is_relative_to(closed)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_strict_umask_shuts_no_service_out(kind: str, data_folder: Path) -> None:
    """Where new files are their maker's alone, root's servers still reach their data."""
    with running(kind, data_folder / "new" / "deep", umask=0o077) as server:
        assert await answers(server.url)


@pytest.mark.parametrize("kind", KINDS)
def test_a_service_dies_with_its_killed_parent(kind: str, data_folder: Path) -> None:
    """kill -9 of the process that started a server ends the server too."""
    with running(kind, data_folder) as server:
        server.parent.kill()
        assert ended(server.pid)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_service_starts_again_after_its_parent_was_killed(
    kind: str, data_folder: Path
) -> None:
    """The data of a killed instance serves the next one at once."""
    with running(kind, data_folder) as server:
        server.parent.kill()
    with running(kind, data_folder) as server:
        assert await answers(server.url)


async def test_postgres_keeps_its_data_across_restarts(data_folder: Path) -> None:
    """A row written before a stop is there after the next start, under the same password."""
    with EmbeddedPostgres(data_folder) as url:
        await run(url, "create table kept as select 42 as answer")
    with EmbeddedPostgres(data_folder) as url:
        assert await run(url, "select answer from kept") == 42


async def test_postgres_keeps_its_data_when_killed(data_folder: Path) -> None:
    """A committed row survives kill -9 of the server, whose pid file then names another program."""
    server = EmbeddedPostgres(data_folder)
    await run(server.start(), "create table kept as select 42 as answer")
    assert server.pid is not None
    os.kill(server.pid, 9)
    server.stop()
    pid_file = data_folder / "cluster" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    with server as url:
        assert await run(url, "select answer from kept") == 42


async def test_valkey_keeps_its_data_across_restarts(data_folder: Path) -> None:
    """A key written before a stop is there after the next start of a durable server."""
    with EmbeddedValkey(data_folder) as url:
        async with Redis.from_url(url) as redis:
            await redis.set("kept", "42")
    with EmbeddedValkey(data_folder) as url:
        async with Redis.from_url(url) as redis:
            assert await redis.get("kept") == b"42"


@pytest.mark.parametrize("kind", KINDS)
async def test_two_instances_run_side_by_side(kind: str, data_folder: Path) -> None:
    """Two instances with two folders get two ports and two passwords."""
    with (
        service(kind, data_folder / "one") as one,
        service(kind, data_folder / "two") as two,
    ):
        assert one != two
        assert await answers(one)
        assert await answers(two)


def test_a_watched_child_ends_with_its_pipe(data_folder: Path) -> None:
    """Where the kernel has no death signal, the end of the parent's pipe stops the program."""
    log = data_folder / "log"
    child = start_child("a sleeper", ["/bin/sleep", "60"], environment={}, log=log, way="watch")
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    end = time.monotonic() + 10
    while not (pids := children.read_text().split()) and time.monotonic() < end:
        time.sleep(0.02)
    child.stop()
    assert pids
    assert all(ended(int(pid)) for pid in pids)


async def run(url: str, statement: str) -> object:
    """Run one statement; its first value."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
