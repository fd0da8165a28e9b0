"""`tollgate tenants`: who is served, and payers who wish to be forgotten."""

from __future__ import annotations

import asyncio
import secrets
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from app.clock import SystemClock
from app.database import cipher_of, command_engine
from app.database_command import progress_bar, told_in_words
from app.settings import Settings, load_database_url, load_settings
from db.platform_reads import SqlPlatformReads
from db.roles import DatabaseRole
from db.work import SqlDatabase
from domain.caller import Actor, AuditActorType
from domain.erasing import Erasure, PayerEraser

LEFT = 3
"""The exit code when orders had to be left as they are: run the command again later."""

KEPT = """Kept for the books: amounts, fees, states and times, the merchant's own references, the
gateway's ids, card brand and last four digits, digests of requests by idempotency key, and in the
audit log the network address of each call. Not touched: what the gateway holds, and sends again
with later events; backups; logs."""

tenant_commands = typer.Typer(no_args_is_help=True, help="Tenants, and their payers.")


@dataclass(frozen=True, slots=True)
class _Wish:
    """Who wishes to be forgotten, by whom; without `actor` it is only counted."""

    email: str
    tenant: str | None
    actor: Actor | None


@tenant_commands.command("list")
def list_tenants() -> None:
    """Print each tenant's id, slug, currency, whether it is active, and name."""
    with told_in_words():
        asyncio.run(_list(load_database_url()))


@tenant_commands.command("erase-payer")
def erase_payer(
    email: Annotated[
        str, typer.Argument(help="The payer's e-mail address; - reads it from stdin.")
    ],
    tenant: Annotated[str | None, typer.Option(help="One tenant's id; all when left out.")] = None,
    by: Annotated[str, typer.Option(help="Who asks for it, for the audit.")] = "command line",
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and change nothing.")] = False,
) -> None:
    """Blank a payer's e-mail address, metadata and events; exit code 3 if orders were left."""
    address = (sys.stdin.readline() if email == "-" else email).strip()
    if "@" not in address:
        raise typer.BadParameter("give the payer's e-mail address")
    actor = Actor(AuditActorType.SYSTEM, by, f"cli-{secrets.token_hex(8)}")
    wish = _Wish(address, tenant, None if dry_run else actor)
    with told_in_words():
        done = asyncio.run(_erase(load_settings(), wish))
    if done is None:
        return
    typer.echo(
        f"erased {done.orders} orders with {done.payments} payments, {done.notes} notes of refunds"
        f" and {done.payloads} events"
    )
    typer.echo(KEPT)
    for order_id in done.left:
        typer.echo(f"left as it is, being paid or refunded now: {order_id}", err=True)
    if done.left:
        raise typer.Exit(LEFT)


async def _list(database_url: str) -> None:
    async with command_engine(database_url, DatabaseRole.PLATFORM, command="tenants") as engine:
        for tenant in await SqlPlatformReads(engine).tenants():
            state = "active" if tenant.is_active else "inactive"
            currency = tenant.default_currency
            typer.echo(f"{tenant.id} {tenant.slug} {currency} {state} {tenant.name}")


async def _erase(settings: Settings, wish: _Wish) -> Erasure | None:
    """What was erased, None after a dry run. As the worker's role: one tenant a transaction."""
    url = settings.database_url.get_secret_value()
    async with command_engine(url, DatabaseRole.WORKER, command="tenants") as engine:
        eraser = PayerEraser(SqlDatabase(engine, cipher_of(settings)), SystemClock())
        tenant_ids = list(await eraser.tenant_ids())
        if wish.tenant is not None and wish.tenant not in tenant_ids:
            raise typer.BadParameter(f"no tenant has the id {wish.tenant}")
        tenant_ids = [wish.tenant] if wish.tenant else tenant_ids
        counts = {each: await eraser.count(each, wish.email) for each in tenant_ids}
        counts = {tenant_id: count for tenant_id, count in counts.items() if count}
        if wish.actor is None:
            _tell_counts(counts)
            return None
        return await _erase_all(eraser, wish.actor, wish.email, counts)


def _tell_counts(counts: dict[str, int]) -> None:
    for tenant_id, count in counts.items():
        typer.echo(f"{tenant_id} {count} orders")
    typer.echo(f"{sum(counts.values())} orders would be erased; nothing was changed")


async def _erase_all(
    eraser: PayerEraser, actor: Actor, email: str, counts: dict[str, int]
) -> Erasure:
    done = Erasure()
    with progress_bar("erasing") as progress:
        task = progress.add_task("", total=sum(counts.values()))

        def looked_at(count: int) -> None:
            progress.advance(task, count)

        for tenant_id in counts:
            done += await eraser.erase(actor, tenant_id, email, looked_at=looked_at)
    return done
