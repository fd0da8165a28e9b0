"""A hundred and fifty histories, each of which must end well."""

from __future__ import annotations

import pytest

from tests.simulation.history import run
from tests.simulation.world import servers

SEEDS = 150
_SHARES = 6


@pytest.mark.parametrize("share", range(_SHARES))
async def test_nothing_is_charged_twice_and_nothing_is_lost(share: int, database_url: str) -> None:
    """Whatever the seed draws. A failure names its seed."""
    async with servers(database_url) as at:
        for seed in range(share, SEEDS, _SHARES):
            await run(at, seed)
