"""`tollgate webhooks walk`: compare the gateway's list of events with the inbox now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import typer

from app.clock import SystemClock
from app.database import cipher_of, command_engine
from app.database_command import FAILED, told_in_words
from app.gaps import event_list, walk_due
from app.metrics import PrometheusMeasures
from app.settings import Settings, load_settings
from db.intake import SqlIntake
from db.roles import DatabaseRole
from db.work import SqlDatabase
from domain.event_walk import EVERY, Walk
from domain.gaps import GapWalker
from domain.receiving import ReceivingService
from webhooks.listed import listed_event
from webhooks.wake import ArqWake


def walk() -> None:
    """Take in events that the gateway lists and that never arrived, of every account, also where
    the worker would not look yet; exit code 1 if an account could not be listed."""
    with told_in_words():
        walks = asyncio.run(_walk(load_settings()))
    missed, failed = sum(walk.found for walk in walks), sum(map(has_failed, walks))
    typer.echo(f"{len(walks)} accounts, {missed} events had not arrived, {failed} failed")
    if failed:
        raise typer.Exit(FAILED)


def has_failed(walk: Walk) -> bool:
    """Whether the account could not be listed to the end."""
    return walk.cursor.error_message is not None


async def _walk(settings: Settings) -> list[Walk]:
    walks: list[Walk] = []

    def tell(walk: Walk) -> None:
        walks.append(walk)
        ended = walk.cursor.error_message or f"{walk.found} events had not arrived"
        listed = f"{walk.cursor.listed_until:%Y-%m-%dT%H:%M:%SZ}"
        typer.echo(f"{walk.account.id} {walk.account.mode} until {listed}: {ended}")

    async with _walker(settings) as walker:
        # What a worker has walked over within the hour is due too; what this walk puts off is not.
        due_until = SystemClock().now() + EVERY
        await walk_due(walker, asyncio.Event(), due_until=due_until, ended=tell)
    return walks


@asynccontextmanager
async def _walker(settings: Settings) -> AsyncIterator[GapWalker]:
    """As the worker's role, with clients of its own."""
    measures = PrometheusMeasures()  # served by nobody: what it counts is printed
    url, clock = settings.database_url.get_secret_value(), SystemClock()
    listing, wake = event_list(settings), ArqWake(settings.redis_url.get_secret_value())
    try:
        async with command_engine(url, DatabaseRole.WORKER, command="webhooks") as engine:
            database = SqlDatabase(engine, cipher_of(settings))
            intake = SqlIntake(engine, keeps_connections=False)
            receiving = ReceivingService(intake, wake, measures)
            yield GapWalker(database, listing, receiving, listed_event, measures, clock)
            await receiving.drain()
    finally:
        await wake.close()
        await listing.close()
