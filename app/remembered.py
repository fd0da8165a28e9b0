"""Answers of the database that are asked for with every request, remembered for seconds."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

ANSWERS_KEPT = 10_000


class Remembered(Generic[T]):
    """Asks `ask` for a key once in `seconds`. What it raises is not remembered."""

    def __init__(
        self,
        ask: Callable[[str], Awaitable[T]],
        *,
        seconds: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._seconds = seconds
        self._now = now
        self._answers: dict[str, tuple[float, T]] = {}

    async def get(self, key: str) -> T:
        """The answer, at most `seconds` old."""
        known = self._answers.get(key)
        if known is not None and self._now() < known[0]:
            return known[1]
        until = self._now() + self._seconds  # from before the question: the answer ages meanwhile
        answer = await self._ask(key)
        if len(self._answers) >= ANSWERS_KEPT:
            self._answers.clear()
        self._answers[key] = (until, answer)
        return answer
