"""Bring a stack up in a process of its own, to be killed by a test.

Prints the pids of its children once it runs, then waits for the end of standard input.

    python stack_parent.py FOLDER
"""

import sys
from pathlib import Path

from app.stack import Stack


def main() -> None:
    """Start it and wait."""
    with Stack(Path(sys.argv[1]), durable=False, given={}):
        children = Path("/proc/self/task").glob("*/children")
        sys.stdout.write(" ".join(file.read_text().strip() for file in children) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
