"""Embedded services for the tests of their life and death.

As a script it runs one instance in a process of its own, to be killed by a test.
Prints one line of JSON once it serves, then waits for the end of standard input.

    python instance.py postgres|valkey DATA_DIR [PACKAGES]
"""

import json
import os
import sys
from pathlib import Path

from app.embedded.postgres import EmbeddedPostgres
from app.embedded.valkey import EmbeddedValkey

SERVICES: dict[str, type[EmbeddedPostgres | EmbeddedValkey]] = {
    "postgres": EmbeddedPostgres,
    "valkey": EmbeddedValkey,
}


def service(kind: str, folder: Path, *, port: int = 0) -> EmbeddedPostgres | EmbeddedValkey:
    """A service of this kind, fast rather than durable."""
    return SERVICES[kind](folder, port=port, durable=False)


def main() -> None:
    """Start what the arguments name and say where."""
    kind, data_dir, *packages = sys.argv[1:]
    service = SERVICES[kind](Path(data_dir), packages=Path(packages[0]) if packages else None)
    with service as url:
        print(json.dumps({"url": url, "pid": service.pid, "uid": os.geteuid()}), flush=True)  # noqa: T201
        sys.stdin.read()


if __name__ == "__main__":
    main()
