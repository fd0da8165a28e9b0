"""The figures of a payment or a quote, and where they differ from what was expected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

QUOTE = "QUOTE"
"""The status of figures that are asked for before there is a payment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the table shows of a payment. Amounts are US cents."""

    status: str
    total: int
    platform_fee: int
    """What the platform keeps: its fee less the part that refunds returned."""
    gateway_fee: int
    is_final: bool
    """Whether the gateway has told its fee."""
    net: int
    refunded: int = 0

    def has_arrived_at(self, expected: Figures) -> bool:
        """Whether what takes time has happened: the status, the refunds, the gateway's own fee."""
        return (self.status, self.refunded, self.is_final) == (
            expected.status,
            expected.refunded,
            expected.is_final,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. `payment_id` is None for a quote; a row that is not the payment's
    last shows no webhooks."""

    what: str
    tier: str
    expected: Figures
    found: Figures
    payment_id: str | None = None
    is_last: bool = True


def wrong_figures(rows: list[Row]) -> Iterator[str]:
    """A sentence for each figure that is not what it has to be."""
    for row in rows:
        for field in fields(Figures):
            expected, found = getattr(row.expected, field.name), getattr(row.found, field.name)
            if expected != found:
                name = field.name.replace("_", " ")
                yield f"{row.what}, {row.tier}: {name} is {_shown(found)}, not {_shown(expected)}"


def dollars(cents: int) -> str:
    """Cents as dollars, exactly: -262 is -2.62."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}.{rest:02}"


def _shown(value: object) -> str:
    return dollars(value) if type(value) is int else str(value)
