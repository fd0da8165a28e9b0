"""A process that stands still between its decision and its call must not call any more."""

from __future__ import annotations

import pytest

from domain.checkpoint import Checkpoint, watched
from domain.errors import OutcomeUnknown
from domain.payment import PaymentStatus
from tests.e2e.sandbox.control import Control
from tests.integration.domain.calls import charge
from tests.integration.domain.test_settling import settle_after
from tests.integration.webhooks.shop import Shop


async def test_a_paused_process_sends_nothing(shop: Shop, control: Control) -> None:
    """Its machine was suspended for a minute: the settler sends in its place, and once."""
    command = await shop.start_command()

    def stand_still(name: Checkpoint) -> None:
        if name is Checkpoint.CLAIMED:
            shop.clock.advance(60)

    with watched(stand_still), pytest.raises(OutcomeUnknown):
        await charge(shop, command)
    assert (await control.ledger())["calls"] == {}

    await settle_after(shop, 31)

    assert (await shop.payment_of(command.order_id)).status is PaymentStatus.PAID
    assert len((await control.ledger())["charges"]) == 1
