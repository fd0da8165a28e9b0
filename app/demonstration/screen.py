"""What a person sees: steps while they happen, then one table. Plain lines when piped."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.table import Table

from app.demonstration.figures import QUOTE, Row, dollars
from app.demonstration.inbox import Count

WIDTH = 110
"""Columns of the table where no terminal has a width of its own."""

_NUMBERS = (
    "total",
    "platform\nfee",
    "gateway\nfee",
    "net",
    "refunded",
    "webhooks\nreceived",
    "\nprocessed",
)


class Screen:
    """Standard output, with colours and a spinner on a terminal."""

    def __init__(self) -> None:
        narrow = sys.stdout.isatty() or bool(os.environ.get("COLUMNS"))
        self._console = Console(highlight=False, markup=False, width=None if narrow else WIDTH)
        self._started = time.monotonic()

    @contextmanager
    def progress(self) -> Iterator[Callable[[str], None]]:
        """Something to say each step to; on a terminal the last one spins."""
        if not self._console.is_terminal:
            yield self._step
            return
        with self._console.status("", spinner="line") as status:

            def say(line: str) -> None:
                self._step(line)
                status.update(line)

            yield say

    def line(self, text: str = "") -> None:
        """One line, never broken: it may be meant to be copied."""
        self._console.print(text, soft_wrap=True)

    def table(self, rows: list[Row], counts: dict[str, Count]) -> None:
        """The rows; `counts` has the webhooks of each payment."""
        table = Table(
            caption="US dollars. ~ is an estimate. Platform fee: less what refunds returned of it.",
            caption_justify="left",
            box=box.SIMPLE_HEAD,
            padding=0,
            pad_edge=False,
        )
        table.add_column("what", min_width=12)
        table.add_column("status", no_wrap=True)
        for name in _NUMBERS:
            table.add_column(name, justify="right", no_wrap=True)
        for row in rows:
            table.add_row(*_cells(row, counts))
        self._console.print(table)

    def _step(self, line: str) -> None:
        self.line(f"[{time.monotonic() - self._started:5.1f} s] {line}")


def _cells(row: Row, counts: dict[str, Count]) -> Iterator[str]:
    found = row.found
    yield f"{row.what}, {row.tier}"
    yield found.status
    yield dollars(found.total)
    yield dollars(found.platform_fee)
    estimated = found.gateway_fee and not found.is_final
    yield f"{'~' if estimated else ''}{dollars(found.gateway_fee)}"
    yield dollars(found.net)
    yield "" if found.status == QUOTE else dollars(found.refunded)
    count = counts.get(row.payment_id or "") if row.is_last else None
    yield "" if count is None else str(count.received)
    yield "" if count is None else str(count.processed)
