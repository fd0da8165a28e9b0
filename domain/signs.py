"""Signs of life: what each running process tells of itself, for whoever watches over them all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

BEAT_SECONDS = 5.0
"""How often a process tells that it lives."""

SLOW_SECONDS = 3.0
"""A request that took longer counts as slow."""


class ProcessKind(StrEnum):
    """What a process is there for."""

    API = "api"
    WORKER = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One process as it is now. The pool is that of its database connections, all that it may open;
    `pool_full_since` is when the last free one was taken, None while one is free."""

    process_id: str
    kind: ProcessKind
    version: str
    started_at: datetime
    beat_at: datetime
    pool_size: int
    pool_in_use: int
    pool_full_since: datetime | None


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """Requests that were answered since the last beat: `slow` took over SLOW_SECONDS, `failed` had
    a fault of ours for an answer."""

    requests: int = 0
    slow: int = 0
    failed: int = 0


class SignStore(Protocol):
    """Where the signs are kept. Every call may raise DatabaseUnavailable."""

    async def beat(self, sign: Sign, counts: RequestCounts) -> None:
        """Keeps the sign in place of the one before, and adds the counts to its minute."""
        ...

    async def end(self, process_id: str) -> None:
        """Takes the process off the list: it ends on purpose."""
        ...
