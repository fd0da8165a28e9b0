"""A child process that ends with this process, even when this process is killed."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.embedded.account import Account
from app.embedded.error import EmbeddedError

Way = Literal["exec", "watch", "named"]

_LAUNCHER = Path(__file__).with_name("launch.py")
_LOG_TAIL_BYTES = 2_000


def default_way() -> Way:
    """How children die with their parent here: by the kernel on Linux, by a pipe elsewhere."""
    return "exec" if sys.platform.startswith("linux") else "watch"


@dataclass(frozen=True, slots=True)
class Child:
    """A started process and the file that its output goes to."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path
    way: Way
    stop_signal: signal.Signals

    @property
    def pid(self) -> int:
        """The pid of the program (of its watcher, where the kernel cannot do the watching)."""
        return self.process.pid

    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    def log_text(self) -> str:
        """The end of what it has printed since this start."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - _LOG_TAIL_BYTES))
            return file.read().decode(errors="replace").strip()

    def stop(self, grace_seconds: float = 15.0) -> None:
        """Ask it to stop and wait; after the grace it is killed. Harmless when already gone."""
        if not self.has_ended():
            self._ask()
            try:
                self.process.wait(grace_seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def _ask(self) -> None:
        if self.way == "watch" and self.process.stdin is not None:
            self.process.stdin.close()
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(self.stop_signal)


def launch_command(
    way: Way, command: Sequence[str], *, stop_signal: signal.Signals, account: Account | None
) -> list[str]:
    """The command that runs a program through `launch.py`; see there for the ways."""
    uid = "-" if account is None else str(account.uid)
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER)]
    return [*launcher, way, str(os.getpid()), uid, str(stop_signal.value), *command]


def start_child(
    name: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    stop_signal: signal.Signals = signal.SIGTERM,
    account: Account | None = None,
    folder: Path | None = None,
    way: Way | None = None,
    pass_fds: Sequence[int] = (),
) -> Child:
    """Start a program as a child that gets `stop_signal` when this process ends.

    Its output goes to `log`, emptied first. It has its own process group, so that Ctrl-C at a
    terminal reaches only this process, which then stops its children in order. The open files
    of `pass_fds` are handed over under the same numbers.

    Raises:
        EmbeddedError: called off the main thread (Linux ties the death signal to the thread
            that forked, so the child would die with that thread), or the log cannot be written.
    """
    way = way or default_way()
    if way != "watch" and threading.current_thread() is not threading.main_thread():
        raise EmbeddedError(f"{name} must be started from the main thread")
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own launcher and command
                launch_command(way, command, stop_signal=stop_signal, account=account),
                stdin=subprocess.PIPE if way == "watch" else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=folder or "/",
                process_group=0,
                pass_fds=pass_fds,
            )
    except OSError as error:
        raise EmbeddedError(f"{name} cannot be started: {error}") from error
    return Child(name, process, log, way, stop_signal)
