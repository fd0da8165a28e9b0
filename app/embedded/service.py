"""What the embedded services share: a folder held by a lock, a child, start and stop."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from app.embedded.account import Account, service_account
from app.embedded.child import Child
from app.embedded.error import EmbeddedError
from app.embedded.folders import DataFolder, open_data_folder
from app.embedded.ports import LOOPBACK, is_taken

ENVIRONMENT: Mapping[str, str] = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}
"""What the servers see of the environment: nothing of ours, and messages in English."""


class EmbeddedService(ABC):
    """One server on 127.0.0.1 with its data in a folder.

    Start it from the main thread. It ends with this process, however that ends.
    """

    name: ClassVar[str]

    def __init__(
        self, data_dir: Path, *, port: int = 0, durable: bool = True, packages: Path | None = None
    ) -> None:
        """Prepare; nothing is touched before `start`.

        Args:
            data_dir: where the data lies; made if absent.
            port: the TCP port; 0 takes a free one.
            durable: False gives up the safety of the data for speed, for tests.
            packages: the folder of the installed package, when not where Python finds it.
        """
        self._data_dir = data_dir
        self._port = port
        self._durable = durable
        self._packages = packages
        self._folder: DataFolder | None = None
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The server's pid while it runs (its watcher's, where the kernel cannot watch)."""
        return None if self._child is None else self._child.pid

    def start(self) -> str:
        """Start the server, making its data at the first time; the URL to connect to.

        Raises:
            EmbeddedError: a port, the disk, the account or a binary failed.
        """
        account = service_account()
        program = self._program(account)
        if self._port and is_taken(self._port):
            raise EmbeddedError(f"{self.name}'s port {self._port} on {LOOPBACK} is taken")
        self._folder = open_data_folder(self._data_dir.resolve(), account)
        try:
            return self._serve(self._folder, program)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and wait for it; harmless when not running."""
        if self._child is not None:
            self._child.stop()
            self._child = None
        if self._folder is not None:
            self._folder.release()
            self._folder = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @abstractmethod
    def _program(self, account: Account | None) -> Path:
        """Where the program lies."""

    @abstractmethod
    def _serve(self, folder: DataFolder, program: Path) -> str:
        """Start the child and wait until it answers; its URL."""
