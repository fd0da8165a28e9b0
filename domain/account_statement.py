"""A tenant's statement of a month: what stood at its start, every line that was booked in it, and
what stands at its end. Made of the books alone, by the date of booking, so that a month that is
over does not change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SETTLES_AFTER = timedelta(minutes=15)
"""How long after its end a month may still gain lines: what was begun in it and committed since."""

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


class NoMonth(ValueError):
    """The text names no month that has begun."""


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in UTC, from `start` up to `end`, itself not included."""

    start: datetime
    end: datetime

    @classmethod
    def read(cls, text: str, now: datetime) -> Month:
        """The month written as 2026-11. Raises NoMonth, also for one that has not begun."""
        found = _MONTH.fullmatch(text)
        if found is None:
            raise NoMonth("a month is written YYYY-MM, as in 2026-11")
        year, month = int(found[1]), int(found[2])
        if year < 2000:
            raise NoMonth("nothing was booked before the year 2000")
        start = datetime(year, month, 1, tzinfo=UTC)
        if start > now:
            raise NoMonth(f"{text} has not begun")
        following = (start + timedelta(days=31)).replace(day=1)
        return cls(start, following)

    def is_closed(self, now: datetime) -> bool:
        """Whether no line can be added any more."""
        return now >= self.end + SETTLES_AFTER


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands of one currency, in minor units: `balance` is what the merchant has kept of all
    payments, `due` the part of it that the merchant owes the platform in fees, because the money
    went to an account of its own. Money that an open dispute holds is part of the balance."""

    balance: int = 0
    due: int = 0

    def after(self, line: StatementLine) -> Standing:
        """The standing once the line is booked."""
        return Standing(self.balance + line.net, self.due + line.due)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One transaction of the books. Minor units of the currency; what the merchant gains is above
    zero, what it pays below. `fact` is what was booked (`capture`, `refund`, …)."""

    booked_at: datetime
    transaction_id: str
    payment_id: str
    reference: str
    fact: str
    reason: str
    gross: int
    refunded: int
    platform_fee: int
    gateway_fee: int
    disputes: int
    due: int

    @property
    def net(self) -> int:
        """What the line changes the balance by."""
        return self.gross + self.refunded + self.platform_fee + self.gateway_fee + self.disputes
