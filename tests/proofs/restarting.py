"""API and worker that end, by a kill or at a place of their own, and come again where they were."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from app.embedded.child import Child, start_child
from app.embedded.ports import LOOPBACK, free_port
from app.stack import WORKER_READY
from app.stack_http import is_healthy
from domain.checkpoint import Checkpoint
from tests.proofs.faulty import FaultyStack

WAIT_SECONDS = 60.0
"""How long a process may take to be healthy, or to die where it must."""

_BACKLOG = 2048


class RestartingSite(FaultyStack):
    """A stack whose API keeps its port."""

    def __init__(self, folder: Path, *, given: Mapping[str, str] | None = None) -> None:
        self._port = free_port()
        self._later = ExitStack()
        self._children: dict[str, Child] = {}
        super().__init__(folder, given={**(given or {}), "TOLLGATE_PORT": str(self._port)})

    def __exit__(self, *_: object) -> None:
        self._later.close()
        super().__exit__()

    def child(self, name: str) -> Child:
        """The `api` or `worker` that was started last."""
        assert self._stack is not None
        return self._children.get(name) or self._stack.children[name]

    def kill(self, name: str) -> None:
        """SIGKILL, at once."""
        child = self.child(name)
        if not child.has_ended():
            os.kill(child.pid, signal.SIGKILL)
        child.stop()

    def start(self, name: str, *, dies_at: Checkpoint | None = None) -> None:
        """The process again, ready; it dies at the first passing of `dies_at`."""
        program = ["app"] if dies_at is None else ["tests.proofs.dying", f"{dies_at.value}:1"]
        if name == "worker":
            self._start(name, [*program, "worker"])
            wait_until(lambda: WORKER_READY in self.child(name).log.read_text())
            return
        with socket.create_server((LOOPBACK, self._port), backlog=_BACKLOG) as listener:
            fd = listener.fileno()
            self._start(name, [*program, "serve", "--fd", str(fd)], fd)
        wait_until(lambda: is_healthy(f"{self.stack.api_url}/livez"))

    def wait_for_death(self, name: str) -> None:
        """Until it has died by itself. Raises TimeoutError."""
        wait_until(self.child(name).has_ended)

    def _start(self, name: str, program: list[str], *fds: int) -> None:
        child = start_child(
            f"the {name}",
            [sys.executable, "-m", *program],
            environment=self.stack.environment | {"PYTHONUNBUFFERED": "1"},
            log=self.stack.log_dir / f"{name}.log",
            pass_fds=fds,
        )
        self._later.callback(child.stop)
        self._children[name] = child


def wait_until(holds: Callable[[], bool]) -> None:
    """Waits for WAIT_SECONDS at most. Raises TimeoutError."""
    end = time.monotonic() + WAIT_SECONDS
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)
