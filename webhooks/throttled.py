"""A log line that does not repeat itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable


class ThrottledLog:
    """Warns at most once per `seconds`, and says how many warnings it left out in between."""

    def __init__(
        self,
        logger: logging.Logger,
        *,
        seconds: float = 60.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger = logger
        self._seconds = seconds
        self._monotonic = monotonic
        self._quiet_until = float("-inf")
        self._left_out = 0

    def warning(self, message: str) -> None:
        """Logs `message`, or counts it."""
        now = self._monotonic()
        if now < self._quiet_until:
            self._left_out += 1
            return
        self._logger.warning("%s (%d more since the last line)", message, self._left_out)
        self._quiet_until = now + self._seconds
        self._left_out = 0
