"""`tollgate keys`: what is stored encrypted, brought from older keys to the active one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.logging import set_up_logging
from app.settings import Settings, load_settings
from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.roles import DatabaseRole
from db.rotation import Rotation
from db.sealed import Sealed
from domain.ports import DatabaseUnavailable

REMAINING = 3
"""The exit code while anything is encrypted with another key than the active one."""

INTERRUPTED = 1
"""The exit code when the database went away; run again, it goes on."""

STATEMENT_SECONDS = 300.0
"""How long one statement may take. Those that read a large tenant's columns lock nothing."""

keys_commands = typer.Typer(no_args_is_help=True, help="The keys of what is stored encrypted.")


@keys_commands.callback()
def keys() -> None:
    """The keys of what is stored encrypted."""


@keys_commands.command()
def rotate(
    *, dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count, by key.")] = False
) -> None:
    """Encrypt everything with the first of TOLLGATE_CREDENTIAL_KEYS; run again, it goes on.

    API and worker may serve meanwhile, with the same keys in the same order. Exit code 0: nothing
    is under another key any more, and the others can be taken out of the settings; 3: something is.
    """
    settings = load_settings()
    set_up_logging(settings.log_level)
    try:
        counts, unreadable = asyncio.run(_rotate(settings, dry_run=dry_run))
    except DatabaseUnavailable as away:
        typer.echo(f"the database is away ({away}); run it again", err=True)
        raise typer.Exit(INTERRUPTED) from away
    active = settings.credential_keys[0].id
    for key_id in [active, *sorted(set(counts) - {active})]:
        typer.echo(f"{key_id}{' (active)' if key_id == active else ''}: {counts[key_id]}")
    for sealed in sorted(unreadable, key=lambda each: each.context):
        typer.echo(f"unreadable: {sealed.name} of {sealed.row_id} ({sealed.tenant_id})", err=True)
    if counts.total() > counts[active]:
        raise typer.Exit(REMAINING)


async def _rotate(settings: Settings, *, dry_run: bool) -> tuple[Counter[str], set[Sealed]]:
    """What each key has encrypted in the end, and what could not be read."""
    unreadable: set[Sealed] = set()
    async with _rotation(settings) as rotation:
        tenant_ids = await rotation.tenant_ids()
        if not dry_run:
            columns = (TextColumn("re-encrypting"), BarColumn(), MofNCompleteColumn())
            with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as shown:
                stale = [await rotation.stale(tenant_id) for tenant_id in tenant_ids]
                task = shown.add_task("", total=sum(stale))
                for tenant_id in tenant_ids:
                    done = await rotation.rotate(
                        tenant_id, lambda count: shown.advance(task, count)
                    )
                    unreadable |= done.unreadable
        counts = Counter[str]()
        for tenant_id in tenant_ids:
            counts.update(await rotation.counts(tenant_id))
    return counts, unreadable


@asynccontextmanager
async def _rotation(settings: Settings) -> AsyncIterator[Rotation]:
    keys = settings.credential_keys
    engine, platform = (
        make_engine(
            settings.database_url.get_secret_value(),
            pool_size=1,
            application_name="tollgate keys",
            role=role,
            statement_timeout_seconds=STATEMENT_SECONDS,
        )
        for role in (DatabaseRole.API, DatabaseRole.PLATFORM)
    )
    try:
        yield Rotation(
            engine, platform, AesGcmCipher({key.id: key.key for key in keys}, keys[0].id)
        )
    finally:
        await engine.dispose()
        await platform.dispose()
