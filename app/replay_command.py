"""`tollgate webhooks replay`: events that ended are put back, to be worked off once more.

As the role `tollgate_worker`, which may set any tenant's event and append to that tenant's audit,
one tenant a transaction. DATABASE_URL is all that it is told: the worker itself finds what waits.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from app.clock import SystemClock
from app.database import command_engine
from app.database_command import progress_bar, told_in_words
from app.logging import set_up_logging
from app.settings import load_database_url
from app.webhook_output import tally_lines
from app.webhook_selection import (
    ReplayWish,
    SinceOption,
    StatusOption,
    TenantOption,
    TypeOption,
    UnroutedOption,
    owners_named,
)
from db.platform_inbox import Owners, SqlPlatformInbox
from db.replay_work import SqlReplayDatabase
from db.roles import DatabaseRole
from domain.bulk_replaying import BulkReplay, ReplayRun, Tally
from domain.caller import Actor, AuditActorType
from domain.inbox_reading import EventRecord
from domain.replaying import REPLAYABLE

LEFT = 3
"""The exit code when something that was asked for could not be replayed, or not now."""

INTERRUPTED = 130
"""The exit code after SIGINT or SIGTERM: as a shell has it, 128 and the number of SIGINT."""

STATEMENT_SECONDS = 300.0
"""How long one look over the inbox may take: it locks nothing."""


def replay(
    event_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="These events, however they ended."),
    ] = None,
    status: StatusOption = None,
    event_type: TypeOption = None,
    since: SinceOption = None,
    until: Annotated[str | None, typer.Option(help="Received before then, likewise.")] = None,
    tenant: TenantOption = None,
    by: Annotated[str, typer.Option(help="Who asks for it, for the audit.")] = "command line",
    reason: Annotated[str | None, typer.Option(help="Why, for the audit.")] = None,
    *,
    unrouted: UnroutedOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and change nothing.")] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Begin anew, past a replay that was interrupted.")
    ] = False,
) -> None:
    """Have events worked off once more: those that are DEAD, unless --status names others.

    Interrupted or killed, the same command goes on where it stopped, for a day, and replays nothing
    twice. Exit code 3: some could not be replayed, or not now; 130: it was interrupted.
    """
    wish = ReplayWish(
        ids=tuple(event_ids or ()),
        statuses=tuple(status or ()),
        types=tuple(event_type or ()),
        since=since,
        until=until,
        tenant=tenant,
        is_unrouted=unrouted,
        by=by,
        reason=reason,
        is_anew=anew,
    )
    wish.check(SystemClock().now())
    set_up_logging("INFO")
    with told_in_words():
        code = asyncio.run(_run(load_database_url(), wish, is_dry=dry_run))
    if code:
        raise typer.Exit(code)


async def _run(database_url: str, wish: ReplayWish, *, is_dry: bool) -> int:
    """The exit code."""
    async with command_engine(
        database_url,
        DatabaseRole.WORKER,
        command="webhooks replay",
        statement_timeout_seconds=STATEMENT_SECONDS,
    ) as engine:
        owners = await owners_named(engine, wish.tenant, is_unrouted=wish.is_unrouted)
        command = _Command(engine, wish, owners)
        await command.check_ids()
        return await (command.count() if is_dry else command.replay())


class _Command:
    """One replay, asked for in these words, of these owners' events."""

    def __init__(self, engine: AsyncEngine, wish: ReplayWish, owners: Owners) -> None:
        self._inbox = SqlPlatformInbox(engine)
        self._bulk = BulkReplay(SqlReplayDatabase(engine), SystemClock())
        self._wish = wish
        self._owners = owners
        self._name = wish.digest(owners)
        self._span = wish.span(SystemClock().now())

    async def check_ids(self) -> None:
        """Raises BadParameter for an event that is not there."""
        found = await self._inbox.events(self._wish.ids) if self._wish.ids else {}
        for event_id in self._wish.ids:
            if event_id not in found:
                raise typer.BadParameter(f"no event has the id {event_id}; nothing was replayed")

    async def count(self) -> int:
        """Says what would be done."""
        run = await self._bulk.run_of(self._name, *self._span)
        tallies = await self._tallies(run)
        _tell_run(run)
        for line in tally_lines(tallies):
            typer.echo(line)
        skipped = sum(tally.count for tally in tallies if not tally.has_payload)
        typer.echo(
            f"{_waiting(tallies)} events would be replayed, {skipped} skipped, having no payload;"
            " nothing was changed"
        )
        return 0

    async def replay(self) -> int:
        """Replays, and says how it ended."""
        run = await self._bulk.begin(self._name, *self._span, is_anew=self._wish.is_anew)
        _tell_run(run)
        tallies = await self._tallies(run)
        count, was_stopped = await self._replay_all(run, tallies)
        if was_stopped:
            typer.echo(
                f"interrupted: {count} events were replayed, and stay so. Within a day this goes"
                f" on:\n{self._wish.words}",
                err=True,
            )
            return INTERRUPTED
        return await self._ended(run, count)

    async def _replay_all(self, run: ReplayRun, tallies: Sequence[Tally]) -> tuple[int, bool]:
        """How many were replayed, and whether it was stopped before the end."""
        wish = self._wish
        actor = Actor(AuditActorType.SYSTEM, wish.by, f"cli-{secrets.token_hex(8)}")
        owners = dict.fromkeys(tally.tenant_id for tally in tallies if tally.has_payload)
        with stopped_by_signals() as stop, progress_bar("replaying") as progress:
            task = progress.add_task("", total=_waiting(tallies))
            count = await self._bulk.replay(
                actor,
                run,
                wish.where,
                owners,
                reason=wish.reason,
                replayed=lambda more: progress.advance(task, more),
                is_stopped=stop.is_set,
            )
        return count, stop.is_set()

    async def _ended(self, run: ReplayRun, count: int) -> int:
        tallies = await self._tallies(run)
        left = _waiting(tallies)
        typer.echo(f"replayed {count} events")
        if skipped := sum(tally.count for tally in tallies if not tally.has_payload):
            typer.echo(f"skipped {skipped} events that have no payload")
        if self._wish.ids:
            refused = await self._refused(run)
        else:
            refused = [f"{left} events are held by somebody else: run it again"] if left else []
        if not left:
            await self._bulk.end(run)
        for line in refused:
            typer.echo(line, err=True)
        return LEFT if refused else 0

    async def _refused(self, run: ReplayRun) -> list[str]:
        """Which of the named events were not replayed, and why."""
        found = await self._inbox.events(self._wish.ids)
        return [
            f"not replayed: {event_id}, {_why_not(event)}"
            for event_id, event in found.items()
            if event.replayed_at is None or event.replayed_at < run.began_at
        ]

    async def _tallies(self, run: ReplayRun) -> Sequence[Tally]:
        return await self._inbox.tallies(self._owners, run.narrowed(self._wish.where))


@contextmanager
def stopped_by_signals() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set, instead of ending the process at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _waiting(tallies: Sequence[Tally]) -> int:
    """How many are to be replayed."""
    return sum(tally.count for tally in tallies if tally.has_payload)


def _tell_run(run: ReplayRun) -> None:
    if not run.is_resumed:
        return
    since = run.since.isoformat(timespec="seconds") if run.since else "the beginning"
    typer.echo(
        f"going on with the replay that began at {run.began_at.isoformat(timespec='seconds')}, of"
        f" events from {since} to {run.until.isoformat(timespec='seconds')}; --anew begins another",
        err=True,
    )


def _why_not(event: EventRecord) -> str:
    if event.status not in REPLAYABLE:
        return f"it is {event.status.value}: it waits to be worked off, or is worked off now"
    return "it has no payload" if not event.has_payload else "somebody else holds it: run it again"
