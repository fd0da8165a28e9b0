"""`tollgate doctor`: whether this installation is well, in a table with a fix for each finding."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.database import command_engine
from app.doctor import Check, Verdict, examine
from app.logging import redacted
from app.settings import Settings, SettingsError, load_settings
from db.roles import DatabaseRole

SICK = 3
"""The exit code when a check found a fault."""

_MARKS = {
    Verdict.OK: "[green]ok[/]",
    Verdict.WARNING: "[yellow]look[/]",
    Verdict.FAULT: "[red]fault[/]",
}


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Check configuration, database, clock, keys and queues; exit code 3 on a fault."""
    try:
        checks = asyncio.run(_checks(load_settings()))
    except SettingsError as fault:
        checks = [
            Check("configuration", Verdict.FAULT, f"{name}: {said}", "See .env.example.")
            for name, said in fault.faults.items()
        ]
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        _print(checks)
    if any(check.verdict is Verdict.FAULT for check in checks):
        raise typer.Exit(SICK)


async def _checks(settings: Settings) -> list[Check]:
    url = settings.database_url.get_secret_value()
    async with command_engine(url, DatabaseRole.PLATFORM, command="doctor") as engine:
        now = datetime.now(UTC)
        return [_safe(check) async for check in examine(settings, os.environ, engine, now)]


def _safe(check: Check) -> Check:
    return Check(check.name, check.verdict, redacted(check.found), check.fix)


def _print(checks: list[Check]) -> None:
    table = Table("", "check", "found", "what to do")
    for check in checks:
        table.add_row(_MARKS[check.verdict], check.name, check.found, check.fix)
    Console().print(table)
