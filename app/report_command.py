"""`tollgate report`: the routine of the platform's people, as a table with what is to be done.

It needs DATABASE_URL and nothing else, and reads as the role `tollgate_platform`.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.clock import SystemClock
from app.database import command_engine
from app.database_command import told_in_words
from app.settings import load_database_url
from db.roles import DatabaseRole
from db.routine_reads import SqlRoutineReads
from domain.metrics import hour_of
from domain.routine import LENGTH, Facts, Line, Routine, report

FINDINGS = 3
"""The exit code when there is something to do."""

STATEMENT_SECONDS = 120.0
"""How long one look over all tenants may take."""


def routine_report(
    routine: Annotated[Routine, typer.Argument(help="daily, weekly or monthly.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print the last day, week or month, and what is to be done; exit code 3 if anything is."""
    with told_in_words():
        facts = asyncio.run(_facts(load_database_url(), routine))
    lines = report(routine, facts)
    if as_json:
        span = {"start": facts.start.isoformat(), "end": facts.end.isoformat()}
        typer.echo(json.dumps(span | {"lines": [asdict(line) for line in lines]}, indent=2))
    else:
        _print(routine, facts, lines)
    if any(line.to_do for line in lines):
        raise typer.Exit(FINDINGS)


async def _facts(database_url: str, routine: Routine) -> Facts:
    async with command_engine(
        database_url,
        DatabaseRole.PLATFORM,
        command="report",
        statement_timeout_seconds=STATEMENT_SECONDS,
    ) as engine:
        now = SystemClock().now()
        end = hour_of(now)
        return await SqlRoutineReads(engine).facts(end - LENGTH[routine], end, now)


def _print(routine: Routine, facts: Facts, lines: list[Line]) -> None:
    title = f"{routine} report, {facts.start:%Y-%m-%d %H:%M} to {facts.end:%Y-%m-%d %H:%M} UTC"
    table = Table("", "", "now", "before", "to do", title=title)
    section = ""
    for line in lines:
        shown = "" if line.section == section else line.section
        table.add_row(shown, line.name, line.value, line.before, line.to_do)
        section = line.section
    Console().print(table)
