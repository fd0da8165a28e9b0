"""What is asked about endpoints, and what those who make them up can do to those that exist."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from domain.endpoints import REMEMBERED_MAX, REMEMBERED_SECONDS, Asked, TooManyAsk

OURS = ("gw_ours", False)


class Shelf:
    """Answers questions when the test says so; only OURS is there."""

    def __init__(self) -> None:
        self.asked = Counter[tuple[str, bool]]()
        self.open = asyncio.Event()
        self.now = 0.0

    def monotonic(self) -> float:
        """The time, which the test sets."""
        return self.now

    async def __call__(self, key: tuple[str, bool]) -> str | None:
        """The answer; about what was made up only when the shelf is open."""
        self.asked[key] += 1
        if key != OURS:
            await self.open.wait()
        return "row" if key == OURS else None


def made_up(number: int) -> tuple[str, bool]:
    """An endpoint that is not there."""
    return (f"gw_{number}", False)


async def test_made_up_endpoints_drive_nothing_out() -> None:
    """However many of them are asked about, what is known of one that exists stays known."""
    shelf = Shelf()
    shelf.open.set()
    asked = Asked(shelf, monotonic=shelf.monotonic)
    await asked.get(OURS)
    for number in range(REMEMBERED_MAX + 10):
        await asked.get(made_up(number))
    found = await asked.get(OURS)

    assert (found, shelf.asked[OURS]) == ("row", 1)


async def test_those_that_exist_do_not_wait_behind_them() -> None:
    """With made-up ones waiting for the database, one that was there is asked about at once."""
    shelf = Shelf()
    asked = Asked(shelf, monotonic=shelf.monotonic)
    await asked.get(OURS)
    strangers = [asyncio.create_task(asked.get(made_up(number))) for number in range(100)]
    await asyncio.sleep(0)
    shelf.now += REMEMBERED_SECONDS
    async with asyncio.timeout(5):
        found = await asked.get(OURS)
    waiting = sum(not stranger.done() for stranger in strangers)
    shelf.open.set()

    assert (found, shelf.asked[OURS], waiting) == ("row", 2, 100)
    assert set(await asyncio.gather(*strangers)) == {None}


async def test_so_many_may_wait_and_no_more() -> None:
    """Beyond it they are turned away, until some have their answer."""
    shelf = Shelf()
    asked = Asked(shelf, strangers_max=10, monotonic=shelf.monotonic)
    strangers = [asyncio.create_task(asked.get(made_up(number))) for number in range(10)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyAsk):
        await asked.get(made_up(10))
    shelf.open.set()
    await asyncio.gather(*strangers)

    assert await asked.get(made_up(10)) is None


async def test_one_that_went_away_is_a_stranger_again() -> None:
    """And one that came is not."""
    there: list[bool] = [True]

    async def ask(_: tuple[str, bool]) -> str | None:
        return "row" if there[0] else None

    shelf = Shelf()
    asked = Asked(ask, monotonic=shelf.monotonic)
    seen = []
    for is_there in (True, False, True):
        there[0] = is_there
        shelf.now += REMEMBERED_SECONDS
        seen.append(await asked.get(OURS))

    assert seen == ["row", None, "row"]
