"""What a proof shows while it runs: its steps, each with its time, and what it found."""

from __future__ import annotations

import sys
import time


class Steps:
    """Prints `[3/14] 12 s  what is done now`; `found` adds a line of what was shown."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._began = time.monotonic()

    def step(self, what: str) -> None:
        """Begin the next step."""
        self._done += 1
        self._say(f"[{self._done}/{self._total}] {self._seconds():3.0f} s  {what}")

    def found(self, what: str) -> None:
        """What the step has shown."""
        self._say(f"             {what}")

    def end(self) -> None:
        """Say that all was shown. Every step must have been taken, or the count was a lie."""
        assert self._done == self._total, f"{self._done} steps, {self._total} announced"
        self._say(f"shown, in {self._seconds():.0f} s")

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _say(self, line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
