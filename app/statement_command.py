"""`tollgate statement`: a tenant's month, to be read or to be handed on as CSV.

It needs DATABASE_URL and nothing else, and reads as the role `tollgate_platform`.
"""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Protocol

import typer

from app.clock import SystemClock
from app.database import command_engine
from app.database_command import told_in_words
from app.settings import load_database_url
from db.account_statements import StatementReads, statement_reads
from db.platform_reads import SqlPlatformReads
from db.roles import DatabaseRole
from domain.account_statement import Month, NoMonth, Standing, StatementLine
from domain.money import Money
from domain.tenant import Tenant

STATEMENT_SECONDS = 600.0
"""How long one look over a tenant's books may take."""

COLUMNS = (
    *("booked_at", "transaction", "payment", "order", "fact", "reason", "currency", "gross"),
    *("refunded", "platform_fee", "gateway_fee", "disputes", "net", "balance", "due_to_platform"),
)
"""The head of the CSV. Lines without a transaction are the opening and the closing balance."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With what a cell begins that a spreadsheet would run."""


def statement(
    tenant: Annotated[str, typer.Option(help="The tenant's id or slug.")],
    month: Annotated[str, typer.Option(help="The month, as 2026-11, in UTC.")],
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated, for a program.")] = False,
) -> None:
    """Print a tenant's statement of a month: opening balance, each booking, closing balance."""
    try:
        of_month = Month.read(month, SystemClock().now())
    except NoMonth as error:
        raise typer.BadParameter(str(error), param_hint="--month") from error
    with told_in_words():
        asyncio.run(_print(load_database_url(), tenant, of_month, as_csv=as_csv))


class Printer(Protocol):
    """How a statement is written down."""

    def head(self, tenant: Tenant, month: Month, *, is_closed: bool) -> None: ...

    def opening(self, currency: str, at: datetime, standing: Standing) -> None: ...

    def line(self, currency: str, line: StatementLine, standing: Standing) -> None: ...

    def closing(self, currency: str, at: datetime, standing: Standing) -> None: ...


async def _print(database_url: str, name: str, month: Month, *, as_csv: bool) -> None:
    async with command_engine(
        database_url,
        DatabaseRole.PLATFORM,
        command="statement",
        statement_timeout_seconds=STATEMENT_SECONDS,
    ) as engine:
        tenant = await SqlPlatformReads(engine).tenant_named(name)
        if tenant is None:
            raise typer.BadParameter(f"no tenant has the id or slug {name}", param_hint="--tenant")
        printer: Printer = CsvPrinter() if as_csv else TextPrinter()
        printer.head(tenant, month, is_closed=month.is_closed(SystemClock().now()))
        async with statement_reads(engine) as reads:
            for currency in await reads.currencies(tenant.id, month.end):
                await _print_currency(printer, reads, tenant, month, currency)


async def _print_currency(
    printer: Printer, reads: StatementReads, tenant: Tenant, month: Month, currency: str
) -> None:
    standing = await reads.standing(tenant.id, currency, month.start)
    printer.opening(currency, month.start, standing)
    async for line in reads.lines(tenant.id, currency, month.start, month.end):
        standing = standing.after(line)
        printer.line(currency, line, standing)
    # Told by the books themselves, not by what was added up above: the two must agree.
    closing = await reads.standing(tenant.id, currency, month.end)
    if closing != standing:
        typer.echo(f"{currency}: the lines do not come to the closing balance", err=True)
        raise typer.Exit(1)
    printer.closing(currency, month.end, closing)


class CsvPrinter:
    """Implements `Printer`: one head, then a row for each balance and each booking."""

    def __init__(self) -> None:
        self._writer = csv.writer(sys.stdout, lineterminator="\n")

    def head(self, tenant: Tenant, month: Month, *, is_closed: bool) -> None:
        if not is_closed:
            typer.echo("the month is not closed: it may still gain lines", err=True)
        self._writer.writerow(COLUMNS)

    def opening(self, currency: str, at: datetime, standing: Standing) -> None:
        self._balance("opening balance", currency, at, standing)

    def closing(self, currency: str, at: datetime, standing: Standing) -> None:
        self._balance("closing balance", currency, at, standing)

    def line(self, currency: str, line: StatementLine, standing: Standing) -> None:
        ids = (line.transaction_id, line.payment_id, _cell(line.reference), line.fact, line.reason)
        amounts = (*_amounts(line), standing.balance, standing.due)
        shown = (_decimal(amount, currency) for amount in amounts)
        self._writer.writerow([line.booked_at.isoformat(), *ids, currency, *shown])

    def _balance(self, what: str, currency: str, at: datetime, standing: Standing) -> None:
        shown = (_decimal(standing.balance, currency), _decimal(standing.due, currency))
        self._writer.writerow([at.isoformat(), *[""] * 4, what, currency, *[""] * 6, *shown])


class TextPrinter:
    """Implements `Printer`: a table for people."""

    def head(self, tenant: Tenant, month: Month, *, is_closed: bool) -> None:
        state = "" if is_closed else ", not closed: it may still gain lines"
        typer.echo(f"{tenant.name} ({tenant.slug}), {month.start:%B %Y}{state}")

    def opening(self, currency: str, at: datetime, standing: Standing) -> None:
        typer.echo(f"\n{currency}")
        heads = ("gross", "refunded", "fee", "gateway", "disputes", "net", "balance")
        typer.echo(f"{'booked (UTC)':<20}{'what':<22}" + "".join(f"{at:>13}" for at in heads))
        self._balance("opening balance", currency, at, standing)

    def closing(self, currency: str, at: datetime, standing: Standing) -> None:
        self._balance("closing balance", currency, at, standing)
        if standing.due:
            due = _decimal(standing.due, currency)
            typer.echo(f"{'':<20}of which due to the platform: {due} {currency}")

    def line(self, currency: str, line: StatementLine, standing: Standing) -> None:
        amounts = (*_amounts(line), standing.balance)
        shown = "".join(f"{_decimal(amount, currency):>13}" for amount in amounts)
        what = f"{line.fact}, {line.reason}" if line.fact not in line.reason else line.reason
        typer.echo(f"{line.booked_at:%Y-%m-%d %H:%M:%S} {what[:21]:<22}{shown}  {line.payment_id}")

    def _balance(self, what: str, currency: str, at: datetime, standing: Standing) -> None:
        shown = _decimal(standing.balance, currency)
        typer.echo(f"{at:%Y-%m-%d %H:%M:%S} {what:<22}{shown:>{13 * 7}}")


def _amounts(line: StatementLine) -> Iterator[int]:
    yield from (line.gross, line.refunded, line.platform_fee, line.gateway_fee, line.disputes)
    yield line.net


def _decimal(amount: int, currency: str) -> str:
    return Money(amount, currency).decimal()


def _cell(text: str) -> str:
    """The merchant's own text, which no spreadsheet is to take for a formula (OWASP, CSV
    injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text
