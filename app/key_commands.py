"""`tollgate keys`: what is stored encrypted, brought from older keys to the active one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

import typer

from app.database import cipher_of, command_engine
from app.database_command import progress_bar, told_in_words
from app.logging import set_up_logging
from app.settings import Settings, load_settings
from db.roles import DatabaseRole
from db.rotation import Rotation
from db.sealed import Sealed

REMAINING = 3
"""The exit code while anything is encrypted with another key than the active one."""

STATEMENT_SECONDS = 300.0
"""How long one statement may take. Those that read a large tenant's columns lock nothing."""

key_commands = typer.Typer(no_args_is_help=True, help="The keys of what is stored encrypted.")


@key_commands.callback()
def keys() -> None:
    """The keys of what is stored encrypted."""


@key_commands.command()
def rotate(
    *, dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count, by key.")] = False
) -> None:
    """Encrypt everything with the first of TOLLGATE_CREDENTIAL_KEYS; run again, it goes on.

    API and worker may serve meanwhile, with the same keys in the same order. Exit code 0: nothing
    is under another key any more, and the others can be taken out of the settings; 3: something is.
    """
    settings = load_settings()
    set_up_logging(settings.log_level, settings.log_format)
    with told_in_words():
        counts, unreadable = asyncio.run(_rotate(settings, dry_run=dry_run))
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
            with progress_bar("re-encrypting") as progress:
                stale = [await rotation.stale(tenant_id) for tenant_id in tenant_ids]
                task = progress.add_task("", total=sum(stale))
                for tenant_id in tenant_ids:
                    done = await rotation.rotate(
                        tenant_id, lambda count: progress.advance(task, count)
                    )
                    unreadable |= done.unreadable
        counts = Counter[str]()
        for tenant_id in tenant_ids:
            counts.update(await rotation.counts(tenant_id))
    return counts, unreadable


@asynccontextmanager
async def _rotation(settings: Settings) -> AsyncIterator[Rotation]:
    opened = partial(
        command_engine,
        settings.database_url.get_secret_value(),
        command="keys",
        statement_timeout_seconds=STATEMENT_SECONDS,
    )
    async with opened(DatabaseRole.API) as engine, opened(DatabaseRole.PLATFORM) as platform:
        yield Rotation(engine, platform, cipher_of(settings))
