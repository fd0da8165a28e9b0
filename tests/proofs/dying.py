"""Tollgate's command line in a process that dies by itself: `python -m tests.proofs.dying PLACE:N
COMMAND ...` kills itself with SIGKILL at the N-th passing of that checkpoint."""

from __future__ import annotations

import os
import signal
import sys

from app.cli import main
from domain.checkpoint import Checkpoint, watched


def dies_at(place: Checkpoint, passing: int) -> None:
    """Runs the command of the remaining arguments until then."""
    left = passing

    def die(name: Checkpoint) -> None:
        nonlocal left
        if name is place:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    with watched(die):
        main()


if __name__ == "__main__":
    named, number = sys.argv.pop(1).split(":")
    dies_at(Checkpoint(named), int(number))
