"""How the inbox is doing, in figures that tell of no tenant and no payment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

COUNT_MAX = 10_000
"""Nothing is counted beyond it: the figure then means so many or more."""

RECENT = 100
"""How many events the lag is taken from."""

LAG_PERCENTILE = 0.95


@dataclass(frozen=True, slots=True)
class InboxHealth:
    """`unprocessed` and `dead` are counts, up to COUNT_MAX.

    `waiting_seconds` is how long the event has waited for a worker that has waited longest; None
    when none waits. An event waits since it was received or replayed, or since it was due for
    another try, or since the worker that holds it took it. One that waits for its next try does not
    count until that is due: the gateway is away, or the event is early, and no worker could do
    anything.

    `lag_seconds` is, of the RECENT events received last among those worked off, the 95th percentile
    of the seconds from receipt or replay to end; None when there are none.
    """

    unprocessed: int
    dead: int
    waiting_seconds: float | None
    lag_seconds: float | None

    def is_behind(self, seconds: float) -> bool:
        """Whether an event has waited longer than that, or more wait than are looked at."""
        waits_long = self.waiting_seconds is not None and self.waiting_seconds > seconds
        return waits_long or self.unprocessed >= COUNT_MAX


class InboxHealthReads(Protocol):
    """Reads across tenants. Raises DatabaseUnavailable."""

    async def inbox_health(self, now: datetime) -> InboxHealth: ...
