"""Windows of a minute in which requests are counted: in Redis for all processes, else in this one.

A window slides: what the last minute took counts by how much of it is still within sixty seconds.
Charges of one request are taken together or not at all, in one round trip; `limits`, which counts
in this process, would make one for each and take from some what another refuses.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import Redis

WINDOW_SECONDS = 60

LOCAL_KEYS_MAX = 10_000
"""Windows that one process keeps by itself; beyond it all of them begin anew."""

_PREFIX = "tollgate:rate"

_TAKE = """
local taken, fits = {}, 1
for at = 1, #KEYS, 2 do
    local before = tonumber(redis.call('GET', KEYS[at])) or 0
    local now = tonumber(redis.call('GET', KEYS[at + 1])) or 0
    taken[at], taken[at + 1] = before, now
    local limit, amount = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    if before * tonumber(ARGV[1]) + now + amount > limit then fits = 0 end
end
if fits == 1 then
    for at = 1, #KEYS, 2 do
        taken[at + 1] = redis.call('INCRBY', KEYS[at + 1], ARGV[at + 3])
        redis.call('EXPIRE', KEYS[at + 1], ARGV[2])
    end
end
table.insert(taken, 1, fits)
return taken
"""
"""KEYS: for each charge the last window and this one. ARGV: the weight of the last windows, the
seconds to keep a window, and for each charge its limit and its amount."""


@dataclass(frozen=True, slots=True)
class Charge:
    """`amount` points of the budget of `limit` points a minute that `kind` and `name` have."""

    kind: str
    name: str
    limit: int
    amount: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget after a charge. `elapsed` is the part of this window that is over, 0 to 1; `before`
    and `now` are what the last window and this one took."""

    charge: Charge
    before: int
    now: int
    elapsed: float

    @property
    def remaining(self) -> int:
        """Points that are left now."""
        return max(self.charge.limit - math.ceil(self._weighed(self.elapsed)), 0)

    @property
    def seconds_until_whole(self) -> float:
        """When all points are there again, if none is taken."""
        windows = 2.0 if self.now else 1.0 if self.before else self.elapsed
        return (windows - self.elapsed) * WINDOW_SECONDS

    @property
    def seconds_until_fits(self) -> float:
        """When the charge fits, if nothing else is taken; 0 where it fits now."""
        room = self.charge.limit - self.charge.amount
        if self._weighed(self.elapsed) <= room:
            return 0.0
        if self.now <= room:
            return (1 - (room - self.now) / self.before - self.elapsed) * WINDOW_SECONDS
        return (2 - max(room, 0) / max(self.now, 1) - self.elapsed) * WINDOW_SECONDS

    def _weighed(self, elapsed: float) -> float:
        return self.before * (1 - elapsed) + self.now


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether the charges were taken, all of them, and how each budget stands."""

    fits: bool
    standings: Sequence[Standing]


class Windows(Protocol):
    """Counts charges."""

    async def take(self, charges: Sequence[Charge]) -> Taken:
        """Takes all charges, or none of them if one does not fit."""

    async def close(self) -> None:
        """Closes what it keeps open."""


class RedisWindows:
    """Implements `Windows` in Redis. Raises RedisError and OSError while it is away."""

    def __init__(self, redis: Redis, now: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._take = redis.register_script(_TAKE)
        self._now = now

    async def close(self) -> None:
        """Closes the connections."""
        await self._redis.aclose(close_connection_pool=True)

    async def take(self, charges: Sequence[Charge]) -> Taken:
        """Takes the charges by one script."""
        window, elapsed = _window(self._now())
        keys: list[str] = []
        arguments: list[float] = [1 - elapsed, 2 * WINDOW_SECONDS]
        for charge in charges:
            key = f"{_PREFIX}:{charge.kind}:{charge.name}"
            keys += [f"{key}:{window - 1}", f"{key}:{window}"]
            arguments += [charge.limit, charge.amount]
        fits, *taken = (int(count) for count in await self._take(keys, arguments))
        standings = [
            Standing(charge, taken[2 * at], taken[2 * at + 1], elapsed)
            for at, charge in enumerate(charges)
        ]
        return Taken(fits == 1, standings)


class LocalWindows:
    """Implements `Windows` for this process alone, with `limits`: with four processes a caller has
    four times its budgets."""

    def __init__(self, *, keys_max: int = LOCAL_KEYS_MAX) -> None:
        self._keys_max = keys_max
        self._storage = MemoryStorage()
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)

    async def take(self, charges: Sequence[Charge]) -> Taken:
        """Takes the charges one after the other, once all of them fit."""
        if len(self._storage.expirations) > self._keys_max:
            await self._storage.reset()
        standings = [await self._standing(charge) for charge in charges]
        if any(standing.seconds_until_fits for standing in standings):
            return Taken(fits=False, standings=standings)
        for charge in charges:
            await self._limiter.hit(_item(charge), *_names(charge), cost=charge.amount)
        return Taken(fits=True, standings=[await self._standing(charge) for charge in charges])

    async def close(self) -> None:
        """Nothing is open."""

    async def _standing(self, charge: Charge) -> Standing:
        key = _item(charge).key_for(*_names(charge))
        before, _, now, _ = await self._storage.get_sliding_window(key, WINDOW_SECONDS)
        _, elapsed = _window(time.time())
        return Standing(charge, before, now, elapsed)


def _item(charge: Charge) -> RateLimitItemPerMinute:
    return RateLimitItemPerMinute(charge.limit, namespace=_PREFIX)


def _names(charge: Charge) -> tuple[str, str]:
    return charge.kind, charge.name


def _window(now: float) -> tuple[int, float]:
    """The number of the window of this time, and which part of it is over."""
    whole, part = divmod(now, WINDOW_SECONDS)
    return int(whole), part / WINDOW_SECONDS
