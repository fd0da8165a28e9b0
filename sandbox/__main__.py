"""Runs the sandbox on its own: ``python -m sandbox --port 12111``."""

import argparse
import socket
import sys

import uvicorn

from sandbox.server import create_app


def main() -> None:
    """Serves until interrupted; port 0 takes a free one, told on the first line of output."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=12111)
    arguments = parser.parse_args()
    listener = socket.create_server((arguments.host, arguments.port), backlog=512)
    host, port = listener.getsockname()[:2]
    sys.stdout.write(f"sandbox listening on http://{host}:{port}\n")
    sys.stdout.flush()
    config = uvicorn.Config(
        create_app(), log_level="warning", access_log=False, timeout_graceful_shutdown=2
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
