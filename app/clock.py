"""The clock of running processes."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """Implements `domain.ports.Clock` with the machine's time."""

    def now(self) -> datetime:
        """The time now, aware and in UTC."""
        return datetime.now(UTC)
