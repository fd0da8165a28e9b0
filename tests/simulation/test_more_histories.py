"""The second half of the hundred and fifty histories."""

from __future__ import annotations

import pytest

from tests.simulation.test_histories import SEEDS, SHARES, end_well


@pytest.mark.parametrize("share", range(SHARES))
async def test_nothing_is_charged_twice_and_nothing_is_lost(share: int, database_url: str) -> None:
    """Whatever is drawn."""
    await end_well(database_url, range(SEEDS + share, 2 * SEEDS, SHARES))
