"""The simulator sees: each planted bug breaks a history."""

from __future__ import annotations

import pytest

from tests.simulation.history import run
from tests.simulation.planted import BUGS, seeds_until_found
from tests.simulation.world import servers

NEAR = 30
"""How many seeds from the one that found a bug are tried, where another draw has moved it."""


@pytest.mark.parametrize("name", sorted(BUGS))
async def test_a_planted_bug_is_found(name: str, database_url: str) -> None:
    """By the seed that found it, or by one near it."""
    _, seed = BUGS[name]
    async with servers(database_url) as at:
        found = await seeds_until_found(
            name, lambda number: run(at, number), range(seed, seed + NEAR)
        )
    assert found is not None
