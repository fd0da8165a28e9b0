"""A hundred and fifty histories, each of which must end well: the first half, the other file has
the rest. Files, and not tests, are what the runner shares out among its workers."""

from __future__ import annotations

import pytest

from tests.simulation.history import run
from tests.simulation.world import servers

SEEDS = 75
SHARES = 3


async def end_well(database_url: str, seeds: range) -> None:
    """Whatever the seeds draw. A failure names its seed."""
    async with servers(database_url) as at:
        for seed in seeds:
            await run(at, seed)


@pytest.mark.parametrize("share", range(SHARES))
async def test_nothing_is_charged_twice_and_nothing_is_lost(share: int, database_url: str) -> None:
    """Whatever is drawn."""
    await end_well(database_url, range(share, SEEDS, SHARES))
