"""How long calls of the gateway are insisted on: again where nothing was reached, and not at all
for an account whose calls keep failing.

This is the one layer that repeats a call. It repeats what took no effect; an unknown outcome is the
settler's (docs/adr/0005).
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from domain.errors import GatewayProblem, GatewayUnknown, GatewayUnreached
from domain.gateways.stripe_requests import UNREADABLE_CODE

PAUSES = (0.25, 0.5, 1.0)
"""How long it waits before the second, third and fourth call at most, in seconds; at least half as
long, by chance, so that callers who were shed together do not come back together."""

LEAST_SECONDS = 1.0
"""With less time left no call is made again: cut off, it would have an unknown outcome."""

FAULTS_MAX = 5
"""Calls in a row without an answer after which an account's calls are no longer made."""

OPEN_SECONDS = 10.0
"""How long they are not made then, before one call tries."""

OPEN_CODE = "CALLS_PAUSED"

Made = TypeVar("Made")
Make = Callable[[float], Awaitable[Made]]
"""Makes the call once, within so many seconds."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Breaker:
    faults: int = 0
    opens_at: float = 0.0
    """When a call may try again."""
    is_trying: bool = False

    @property
    def is_open(self) -> bool:
        return self.faults >= FAULTS_MAX


class Patience:
    """The patience of one process with each account: one tenant's outage leaves others alone."""

    def __init__(
        self,
        *,
        pauses: Sequence[float] = PAUSES,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._pauses = tuple(pauses)
        self._now = now
        self._sleep = sleep
        self._breakers: dict[str, _Breaker] = {}

    async def carry(self, account_id: str, seconds: float, make: Make[Made]) -> Made:
        """Makes the call, in `seconds` for all of it. Raises what the last call raised, and
        GatewayUnreached with OPEN_CODE where none is made."""
        is_trying = self._admit(account_id)
        try:
            made = await self._insist(self._now() + seconds, make)
        except (GatewayUnreached, GatewayUnknown) as fault:
            # A key that cannot be read here says nothing about the gateway.
            if fault.gateway_code != UNREADABLE_CODE:
                self._failed(account_id)
            raise
        except GatewayProblem:
            self._answered(account_id)
            raise
        else:
            self._answered(account_id)
            return made
        finally:
            if is_trying and account_id in self._breakers:
                self._breakers[account_id].is_trying = False

    async def _insist(self, until: float, make: Make[Made]) -> Made:
        for longest in self._pauses:
            try:
                return await make(until - self._now())
            except GatewayUnreached as unreached:
                pause = random.uniform(longest / 2, longest)  # noqa: S311 - spreads, hides nothing
                is_lasting = unreached.gateway_code == UNREADABLE_CODE
                if is_lasting or self._now() + pause + LEAST_SECONDS > until:
                    raise
            await self._sleep(pause)
        return await make(until - self._now())

    def _admit(self, account_id: str) -> bool:
        """Whether this call is the one that tries an account whose calls are not made."""
        breaker = self._breakers.get(account_id)
        if breaker is None or not breaker.is_open:
            return False
        if breaker.is_trying or self._now() < breaker.opens_at:
            raise GatewayUnreached(
                f"{breaker.faults} calls in a row got no answer; the next is made in a moment",
                gateway_code=OPEN_CODE,
            )
        breaker.is_trying = True
        return True

    def _failed(self, account_id: str) -> None:
        breaker = self._breakers.setdefault(account_id, _Breaker())
        breaker.faults += 1
        if breaker.is_open:
            breaker.opens_at = self._now() + OPEN_SECONDS
            if breaker.faults == FAULTS_MAX:
                _log.warning("calls of account %s are paused: no answer", account_id)

    def _answered(self, account_id: str) -> None:
        breaker = self._breakers.pop(account_id, None)
        if breaker is not None and breaker.is_open:
            _log.info("calls of account %s are made again", account_id)
