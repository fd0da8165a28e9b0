"""The worker's round over payments that their payers left."""

from __future__ import annotations

import asyncio
import logging

from domain.unfinished import UnfinishedPayments

ROUND_SECONDS = 60.0
"""How far apart two rounds are."""

_log = logging.getLogger(__name__)


async def cancel_unfinished(payments: UnfinishedPayments, _stop: asyncio.Event) -> None:
    """One round. Raises DatabaseUnavailable."""
    count = await payments.cancel_old()
    if count:
        _log.info("%d payments that their payers left are to be canceled", count)
