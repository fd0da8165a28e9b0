"""A Redis that hangs."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BlackHole:
    """A server that takes connections and never answers."""

    server: socket.socket

    @property
    def url(self) -> str:
        """Where a Redis would be."""
        return f"redis://127.0.0.1:{self.server.getsockname()[1]}/0"

    def connections(self) -> int:
        """How many have come since it was last asked."""
        self.server.settimeout(0)
        count = 0
        while True:
            try:
                self.server.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1


@contextmanager
def a_black_hole() -> Iterator[BlackHole]:
    """One on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield BlackHole(server)
