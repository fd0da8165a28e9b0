"""The worker's two loops over alerts: what is amiss, and who is told."""

from __future__ import annotations

import asyncio

from app.loops import pause
from domain.alert_delivery import BATCH, AlertDelivery
from domain.alert_rounds import AlertRounds

ROUND_SECONDS = 20.0
"""How far apart two rounds are: a fault is seen well within a minute."""

SEND_SECONDS = 2.0
"""How long a sender that found nothing to send waits."""


async def one_round(rounds: AlertRounds, _stop: asyncio.Event) -> None:
    """A round over the rules. Raises DatabaseUnavailable."""
    await rounds.run()


async def keep_sending(delivery: AlertDelivery, stop: asyncio.Event) -> None:
    """Sends what is due until `stop`. Raises DatabaseUnavailable."""
    while not stop.is_set():
        if await delivery.run() < BATCH:
            await pause(stop, SEND_SECONDS)
