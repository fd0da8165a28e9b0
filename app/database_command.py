"""What the commands that need the database alone have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from asyncpg import PostgresError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import DBAPIError

from app.logging import redacted
from domain.ports import DatabaseUnavailable

FAILED = 1
"""The exit code when the database could not be had, or refused."""


@contextmanager
def told_in_words() -> Iterator[None]:
    """Ends the command with a sentence, and code 1, when the database is away or refuses it: a role
    that this login may not take, a table that is not there."""
    try:
        yield
    except DatabaseUnavailable as away:
        typer.echo(f"the database cannot be had: {away}; run it again", err=True)
        raise typer.Exit(FAILED) from away
    except (DBAPIError, PostgresError) as refused:
        reason = refused.orig if isinstance(refused, DBAPIError) else refused
        # The first line alone: what follows may show the row, and with it a payer's data.
        typer.echo(f"the database refused: {redacted(str(reason).splitlines()[0])}", err=True)
        raise typer.Exit(FAILED) from refused


def progress_bar(what: str) -> Progress:
    """A bar on standard error, with a count and the time that is left."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))
