"""A few random histories in each mode; `scripts/prove ledger-histories` tells ten thousand."""

from __future__ import annotations

import pytest

from domain.tenant import GatewayMode
from tests.integration.webhooks.ledger_histories import Trade
from tests.integration.webhooks.shop import Shop


@pytest.mark.parametrize("currency", ["USD", "EUR"])
@pytest.mark.parametrize("mode", list(GatewayMode))
async def test_the_books_of_a_random_history(shop: Shop, mode: GatewayMode, currency: str) -> None:
    """Charges, partial captures, voids, refunds that hold and that fail late, disputes of every
    end, heard of out of order: net is what the books say for every payment, to the cent, and
    clearing is what the gateway's own ledger has, euros converted to the account's dollars."""
    trade = await Trade.of(shop, mode, seed=20_261_126, currency=currency)
    await trade.tell(12)
    await trade.tell(12)

    assert trade.payments == 24
    assert await trade.faults() == []
