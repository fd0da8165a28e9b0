"""Loopback ports."""

import socket

LOOPBACK = "127.0.0.1"
PORT_TRIES = 5
"""How often a service is started again because another process took its free port first."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on right now.

    Between this answer and its use another process may take it, so the caller tries again.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_taken(port: int) -> bool:
    """Whether something already listens on this port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False
