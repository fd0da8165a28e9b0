"""`tollgate webhooks`: the inbox of events looked at, of every tenant and of nobody."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from app.clock import SystemClock
from app.database import command_engine
from app.database_command import told_in_words
from app.gap_commands import walk
from app.replay_command import replay
from app.settings import load_database_url
from app.webhook_output import json_of, line_of, page_of
from app.webhook_selection import (
    SinceOption,
    StatusOption,
    TenantOption,
    TypeOption,
    UnroutedOption,
    moment_named,
    owners_named,
    statuses_named,
    types_named,
)
from db.platform_inbox import SqlPlatformInbox
from db.roles import DatabaseRole
from domain.ids import Prefix, is_id
from domain.inbox_reading import EventFilter
from domain.reports import TimeRange

LIMIT_MAX = 1_000

webhook_commands = typer.Typer(no_args_is_help=True, help="The inbox of webhook events.")
webhook_commands.command()(replay)
webhook_commands.command()(walk)


@webhook_commands.command("list")
def list_events(
    status: StatusOption = None,
    event_type: TypeOption = None,
    since: SinceOption = None,
    tenant: TenantOption = None,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="How many at most.")] = 25,
    *,
    unrouted: UnroutedOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object in each line.")] = False,
) -> None:
    """Print events, newest first: id, time, status, tries, tenant, type, gateway's id, error."""
    where = EventFilter(
        status_in=statuses_named(status),
        event_type_in=types_named(event_type),
        created_at=TimeRange(gte=moment_named("--since", since, SystemClock().now())),
    )
    with told_in_words():
        asyncio.run(_list(where, tenant, limit=limit, is_unrouted=unrouted, as_json=as_json))


@webhook_commands.command()
def show(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The event's id, we_….")],
    *,
    payload: Annotated[bool, typer.Option("--payload", help="With what is kept of it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Print all that is known of one event, with each of its tries."""
    with told_in_words():
        asyncio.run(_show(event_id, with_payload=payload, as_json=as_json))


async def _list(
    where: EventFilter, tenant: str | None, *, limit: int, is_unrouted: bool, as_json: bool
) -> None:
    url = load_database_url()
    async with command_engine(url, DatabaseRole.WORKER, command="webhooks") as engine:
        owners = await owners_named(engine, tenant, is_unrouted=is_unrouted)
        for event in await SqlPlatformInbox(engine).newest(owners, where, limit=limit):
            typer.echo(json_of(event) if as_json else line_of(event))


async def _show(event_id: str, *, with_payload: bool, as_json: bool) -> None:
    url = load_database_url()
    async with command_engine(url, DatabaseRole.WORKER, command="webhooks") as engine:
        await _show_one(engine, event_id, with_payload=with_payload, as_json=as_json)


async def _show_one(
    engine: AsyncEngine, event_id: str, *, with_payload: bool, as_json: bool
) -> None:
    inbox = SqlPlatformInbox(engine)
    is_one = is_id(event_id, Prefix.WEBHOOK_EVENT)
    event = (await inbox.events([event_id])).get(event_id) if is_one else None
    if event is None:
        raise typer.BadParameter(f"no event has the id {event_id!r}")
    attempts = await inbox.attempts(event_id)
    payload = await inbox.payload(event_id) if with_payload else None
    if as_json:
        typer.echo(json_of(event, attempts, payload))
        return
    for line in page_of(event, attempts):
        typer.echo(line)
    if payload is not None:
        typer.echo(json.dumps(payload, indent=2))
