"""One actor moves at a time, and the seed says which: the same seed, the same history.

An actor is a task. It stops at every point, a statement, a commit, a call of the gateway, until it
is given its turn. Whoever waits for a lock in PostgreSQL has a turn that goes on by itself once the
lock is free; nobody else moves before it is known who waits so.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import asyncpg

from domain.ports import DatabaseUnavailable

_LOOK_SECONDS = 0.004
_STUCK_SECONDS = 20.0


class Killed(BaseException):
    """The actor's process died here. Not an Exception: nothing of the product may catch it."""


def luck(seed: float | str) -> random.Random:
    """Draws that are the same for the same seed."""
    return random.Random(seed)  # noqa: S311 - to be repeated, not to be secret


class Verdict(StrEnum):
    """What becomes of an actor at a point."""

    GO = "go"
    KILL = "kill"


@dataclass(eq=False)
class Actor:
    """A task with its own luck, so that no other's draws change it."""

    name: str
    chance: random.Random
    task: asyncio.Task[None] | None = None
    gate: asyncio.Future[Verdict] | None = None
    backend: int | None = None
    is_blocked: bool = False
    is_done: bool = False
    trail: list[str] = field(default_factory=list)


_ACTOR: ContextVar[Actor | None] = ContextVar("simulated_actor", default=None)


def current() -> Actor | None:
    """Who is moving."""
    return _ACTOR.get()


class Turns:
    """The actors of one history. `kill_chance` is that of dying at a point."""

    def __init__(self, monitor: asyncpg.Connection[Any], seed: int, kill_chance: float) -> None:
        self._monitor = monitor
        self._seed = seed
        self._count = 0
        self.kill_chance = kill_chance
        self.actors: list[Actor] = []
        self._committed = False
        self._stopped = asyncio.Event()
        self.faults: list[BaseException] = []

    def begin(self, seed: int, kill_chance: float) -> None:
        """A new history."""
        self._seed, self._count, self.kill_chance = seed, 0, kill_chance
        self.actors, self.faults = [], []

    async def abandon(self) -> None:
        """Ends those who have not come to their end."""
        left = [each.task for each in self.actors if each.task is not None]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self.actors = []

    def note_commit(self) -> None:
        """Something was kept."""
        self._committed = True

    def has_committed(self) -> bool:
        """Whether something was kept since this was asked last."""
        committed, self._committed = self._committed, False
        return committed

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> Actor:
        """An actor that waits for its first turn."""
        self._count += 1
        actor = Actor(f"{self._count}:{name}", luck(f"{self._seed}/{self._count}"))
        self.actors.append(actor)
        actor.gate = asyncio.get_running_loop().create_future()
        actor.task = asyncio.create_task(self._run(actor, work))
        return actor

    async def _run(self, actor: Actor, work: Coroutine[Any, Any, None]) -> None:
        _ACTOR.set(actor)
        assert actor.gate is not None
        try:
            await actor.gate
            await work
        except Killed:
            actor.trail.append("killed")
        except DatabaseUnavailable:
            actor.trail.append("ended: the database was away")
        except BaseException as fault:  # noqa: BLE001 - the verdict over the history tells of it
            self.faults.append(fault)
        finally:
            work.close()
            actor.is_done = True
            self._stopped.set()

    async def point(self, name: str) -> None:
        """Waits for the next turn of whoever is moving. Raises Killed."""
        actor = _ACTOR.get()
        if actor is None:
            return
        actor.trail.append(name)
        actor.is_blocked = False
        actor.gate = asyncio.get_running_loop().create_future()
        self._stopped.set()
        if await actor.gate is Verdict.KILL:
            raise Killed(name)

    def passing(self, name: str) -> None:
        """A place without a turn, at which an actor may die. Raises Killed."""
        actor = _ACTOR.get()
        if actor is None:
            return
        actor.trail.append(name)
        if actor.chance.random() < self.kill_chance:
            raise Killed(name)

    @property
    def waiting(self) -> list[Actor]:
        """Those who may be given a turn."""
        return [each for each in self.actors if not each.is_done and _is_waiting(each)]

    @property
    def live(self) -> list[Actor]:
        """Those who have not come to their end."""
        return [each for each in self.actors if not each.is_done]

    async def give(self, actor: Actor) -> None:
        """One turn, until everybody waits again, for a turn or for a lock."""
        gate = actor.gate
        assert gate is not None
        dies = actor.chance.random() < self.kill_chance
        gate.set_result(Verdict.KILL if dies else Verdict.GO)
        await self.settle()
        self.actors = [each for each in self.actors if not each.is_done]

    async def settle(self) -> None:
        """Waits until nobody moves."""
        for each in self.actors:
            each.is_blocked = False
        loop = asyncio.get_running_loop()
        until = loop.time() + _STUCK_SECONDS
        while moving := [each for each in self.actors if _is_moving(each)]:
            self._stopped.clear()
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._stopped.wait()
            except TimeoutError:
                await self._mark_blocked(moving)
            if loop.time() > until:
                names = [f"{each.name} {each.trail[-5:]}" for each in moving]
                raise AssertionError(f"nobody knows why these do not move on: {names}")

    async def _mark_blocked(self, moving: list[Actor]) -> None:
        pids = [each.backend for each in moving if each.backend is not None]
        rows = await self._monitor.fetch(
            "select pid from pg_stat_activity where pid = any($1) and wait_event_type = 'Lock'",
            pids,
        )
        blocked = {row["pid"] for row in rows}
        for each in moving:
            each.is_blocked = each.backend in blocked and _is_moving(each)


def _is_waiting(actor: Actor) -> bool:
    return actor.gate is not None and not actor.gate.done()


def _is_moving(actor: Actor) -> bool:
    return not (actor.is_done or actor.is_blocked or _is_waiting(actor))
