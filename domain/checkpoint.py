"""Named places at which a process may die. Nothing happens at them, unless somebody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

Watcher = Callable[["Checkpoint"], None]


class Checkpoint(StrEnum):
    """Where the operation protocol and the inbox pass from one step that lasts to the next."""

    DECIDED = "decided"
    """A mutation has written its decision, and not committed."""

    CLAIMED = "claimed"
    """The decision is committed, and the gateway was not called."""

    REPLIED = "replied"
    """The gateway has done it, and its reply was not read."""

    ANSWERED = "answered"
    """The reply was read, and nothing is written down."""

    RECORDED = "recorded"
    """The answer is written, and not committed."""

    KEPT = "kept"
    """The answer is committed, and nobody was told."""

    LEASED = "leased"
    """The settler has taken an operation, and not looked at it."""

    SENT_AGAIN = "sent_again"
    """The settler has committed that it sends, and has not."""

    DELIVERED = "delivered"
    """An event was verified, and is not stored."""

    STORED = "stored"
    """The event is committed, and its sender was not told."""

    TAKEN = "taken"
    """A worker has taken the event, and not read the gateway."""

    READ = "read"
    """The gateway was read for the event, and nothing is written down."""

    APPLIED = "applied"
    """What the event brought is written, and not committed."""

    ENDED = "ended"
    """It is committed, and nobody was woken."""


_watchers: list[Watcher] = []


def checkpoint(name: Checkpoint) -> None:
    """Passes the place; a watcher may raise, or end the process."""
    for watcher in _watchers:
        watcher(name)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Has `watcher` called at each passing within: for tests, which kill there. Nothing in the
    product calls it."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)
