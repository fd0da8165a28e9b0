"""What a request pays with: its cost is known once its document is checked, and taken before it
runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Budget(Protocol):
    """The budgets of one request."""

    cost: int

    async def spend(self) -> None:
        """Takes `cost`. Raises BudgetSpent where too little is left."""


class BudgetSpent(Exception):
    """Too little is left for this request; nothing was taken. `seconds` until it may be sent."""

    def __init__(self, seconds: int) -> None:
        super().__init__("Too many requests. Wait, then send it again.")
        self.seconds = seconds


@dataclass(slots=True)
class Unlimited:
    """Implements `Budget` for whom nothing is counted."""

    cost: int = 0

    async def spend(self) -> None:
        """Takes nothing."""
