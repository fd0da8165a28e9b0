"""Webhook deliveries over a few connections, by a client that costs as little as it can.

It shares a core with PostgreSQL and must not be what is measured: no event loop, no streams, and
requests that were built and signed before.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

_ANSWER_BYTES_MAX = 65_536


class Load:
    """Connections to one server, each of which sends the next request as soon as its last one was
    answered. `latencies` are in milliseconds."""

    def __init__(self, name: str, port: int, requests: list[bytes]) -> None:
        self._name = name
        self._port = port
        self._requests = requests
        self._begun: dict[int, float] = {}
        self.latencies: list[float] = []

    def run(self, connections: int, seconds: float) -> float:
        """Sends for so long; answers a second. Ends the program where an answer is not 200."""
        with _connected(self._port, connections) as sockets, select.epoll() as poll:
            started = time.perf_counter()
            for number, connection in sockets.items():
                poll.register(number, select.EPOLLIN)
                self._send(connection)
            while self._begun:
                for number, _ in poll.poll():
                    self._hear(sockets[number])
                    if time.perf_counter() < started + seconds:
                        self._send(sockets[number])
            return len(self.latencies) / (time.perf_counter() - started)

    def _send(self, connection: socket.socket) -> None:
        self._begun[connection.fileno()] = time.perf_counter()
        connection.sendall(self._requests.pop())

    def _hear(self, connection: socket.socket) -> None:
        answer = connection.recv(_ANSWER_BYTES_MAX)
        # an answer has no body and comes in one piece
        if not answer.startswith(b"HTTP/1.1 200") or not answer.endswith(b"\r\n\r\n"):
            raise SystemExit(f"{self._name} answered {answer[:200]!r}")
        began = self._begun.pop(connection.fileno())
        self.latencies.append((time.perf_counter() - began) * 1000)


@contextmanager
def _connected(port: int, connections: int) -> Iterator[dict[int, socket.socket]]:
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    try:
        for connection in sockets:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield {connection.fileno(): connection for connection in sockets}
    finally:
        for connection in sockets:
            connection.close()
