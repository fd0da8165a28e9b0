"""Group commit: what waits is stored together, and each is answered once that is durable."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from itertools import chain

from domain.ports import DatabaseUnavailable
from domain.receiving import Delivery

BATCH_MAX = 64
"""Deliveries in one commit."""

IN_FLIGHT_MAX = 2
"""Commits at once: while one waits for the disk the other is prepared."""

WAITING_MAX = 1024
WAITING_BYTES_MAX = 32 * 1024 * 1024
"""What may wait for its turn, in deliveries and in bytes. Beyond it the sender is to come again."""

WAIT_SECONDS_MAX = 10.0
"""How long a delivery may wait for its commit. The gateway gives up soon after it."""

Store = Callable[[Sequence[Delivery]], Awaitable[Sequence[Exception | None]]]
"""Stores a batch and returns, for each, None or why it was not stored; or raises for all."""

_Waiting = tuple[Delivery, asyncio.Future[None], float]
"""What is to be stored, who is to be told, and the loop's time until which he waits."""


class Overloaded(Exception):
    """More wait already than may."""


class Batches:
    """A queue before `store`. Whoever waits in it may go away: what was accepted is stored all the
    same, since the gateway sends again what it was not told of, and that is stored once."""

    def __init__(
        self,
        store: Store,
        *,
        batch_max: int = BATCH_MAX,
        in_flight_max: int = IN_FLIGHT_MAX,
        waiting_max: int = WAITING_MAX,
        waiting_bytes_max: int = WAITING_BYTES_MAX,
        wait_seconds_max: float = WAIT_SECONDS_MAX,
    ) -> None:
        self._store = store
        self._batch_max = batch_max
        self._in_flight_max = in_flight_max
        self._waiting_max = waiting_max
        self._waiting_bytes_max = waiting_bytes_max
        self._wait_seconds_max = wait_seconds_max
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._in_flight: dict[asyncio.Task[Sequence[Exception | None]], Sequence[_Waiting]] = {}
        self._watch: asyncio.TimerHandle | None = None

    async def add(self, delivery: Delivery) -> None:
        """Returns once the delivery is durable. Raises Overloaded, DatabaseUnavailable (it is not
        known whether it was stored), or what the store says of this one."""
        if (
            len(self._waiting) >= self._waiting_max
            or self._waiting_bytes + delivery.size > self._waiting_bytes_max
        ):
            raise Overloaded
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()
        if not self._waiting:
            # In the loop's next round: what came in with this one goes with it.
            loop.call_soon(self._start)
        until = loop.time() + self._wait_seconds_max
        self._waiting.append((delivery, stored, until))
        self._waiting_bytes += delivery.size
        if self._watch is None:
            self._watch = loop.call_at(until, self._give_up)
        await stored

    async def drain(self) -> None:
        """Waits until nothing waits."""
        while self._waiting or self._in_flight:
            self._start()
            await asyncio.wait(self._in_flight)

    def _start(self) -> None:
        while self._waiting and len(self._in_flight) < self._in_flight_max:
            self._store_next()

    def _store_next(self) -> None:
        size = min(self._batch_max, len(self._waiting))
        batch = [self._waiting.popleft() for _ in range(size)]
        self._waiting_bytes -= sum(delivery.size for delivery, _, _ in batch)
        deliveries = [delivery for delivery, _, _ in batch]
        task = asyncio.create_task(self._stored(deliveries), context=Context())  # of no one request
        self._in_flight[task] = batch
        task.add_done_callback(self._ended)

    async def _stored(self, batch: Sequence[Delivery]) -> Sequence[Exception | None]:
        return await self._store(batch)

    def _ended(self, task: asyncio.Task[Sequence[Exception | None]]) -> None:
        batch = self._in_flight.pop(task)
        for (_, stored, _), outcome in zip(batch, _outcomes(batch, task), strict=True):
            if stored.done():  # whoever waited is gone
                continue
            if outcome is None:
                stored.set_result(None)
            else:
                stored.set_exception(outcome)
        self._start()

    def _give_up(self) -> None:
        """Tells those who waited too long, and looks again when the next one will have: a timer for
        each would cost more than its place in the queue."""
        loop = asyncio.get_running_loop()
        now, next_until = loop.time(), float("inf")
        for _, stored, until in [*chain.from_iterable(self._in_flight.values()), *self._waiting]:
            if stored.done():
                continue
            if until <= now:
                stored.set_exception(DatabaseUnavailable("the commit did not come in time"))
            else:
                next_until = min(next_until, until)
        is_needed = next_until < float("inf")
        self._watch = loop.call_at(next_until, self._give_up) if is_needed else None


def _outcomes(
    batch: Sequence[_Waiting], task: asyncio.Task[Sequence[Exception | None]]
) -> Sequence[BaseException | None]:
    if task.cancelled():
        return [DatabaseUnavailable("the process is stopping")] * len(batch)
    error = task.exception()
    return task.result() if error is None else [error] * len(batch)
