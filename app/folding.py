"""The worker's loop that folds what changed of the figures into one row an hour."""

from __future__ import annotations

import asyncio

from app.loops import pause
from db.metric_reads import SqlFigureFolding

FOLD_SECONDS = 5.0
"""How far apart two rounds are. What is not folded yet counts all the same, and costs readers a
little more."""

BATCH = 2_000
"""Changes folded in one transaction."""


async def fold_changes(folding: SqlFigureFolding, stop: asyncio.Event) -> None:
    """One round: until nothing is left. Raises DatabaseUnavailable."""
    while not stop.is_set() and await folding.fold(BATCH) == BATCH:
        await pause(stop, 0.0)
