"""A few of the random histories; scripts/prove dispute-histories tells as many as one likes."""

from __future__ import annotations

import pytest

from tests.integration.webhooks.histories import tell
from tests.integration.webhooks.shop import Shop


@pytest.mark.parametrize("seed", [2, 7, 20261126])
async def test_a_history_ends_as_the_gateway_says(shop: Shop, seed: int) -> None:
    """Whatever bank, dashboard and API did, and however it was heard of: one end, nothing dead."""
    assert await tell(shop, seed) == []
