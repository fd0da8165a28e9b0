"""`tollgate payments`: what an operator does about one payment."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from app.database import command_engine
from app.database_command import FAILED, told_in_words
from app.operating import operator, working
from app.settings import Settings, load_settings
from db.platform_payments import tenant_of_payment
from db.roles import DatabaseRole
from domain.caller import Actor
from domain.errors import GatewayProblem, SnapshotMismatch
from domain.ids import Prefix, is_id
from domain.money import Money
from domain.payment import Payment
from domain.recording import TooEarly
from domain.syncing import PaymentMoves, PaymentSync, Synced

payment_commands = typer.Typer(no_args_is_help=True, help="Single payments.")


@payment_commands.callback()
def _group() -> None:
    """Keeps `sync` a word of the command line while it is the only one."""


@payment_commands.command()
def sync(
    payment_id: Annotated[str, typer.Argument(metavar="ID", help="The payment, pay_...")],
    by: Annotated[str, typer.Option(help="Who asks for it, for the audit.")] = "command line",
) -> None:
    """Read a payment, its refunds and its disputes at the gateway now, and record what it says.

    Nothing is sent that moves money. Exit code 1: the gateway could not be read, or what it says
    does not fit the payment.
    """
    if not is_id(payment_id, Prefix.PAYMENT):
        raise typer.BadParameter("a payment's id is pay_ and 26 characters", param_hint="ID")
    with told_in_words():
        settings = load_settings()
        tenant_id = asyncio.run(_tenant(settings, payment_id))
        if tenant_id is None:
            raise typer.BadParameter("no payment has this id", param_hint="ID")
        actor = operator(by)
        try:
            synced = asyncio.run(_sync(settings, tenant_id, payment_id, actor))
        except (GatewayProblem, SnapshotMismatch, TooEarly, PaymentMoves) as problem:
            typer.echo(
                f"{payment_id} is not in step: {type(problem).__name__}: {problem}", err=True
            )
            raise typer.Exit(FAILED) from problem
    _tell(synced)


def _tell(synced: Synced) -> None:
    before, after = _told(synced.before), _told(synced.after)
    typer.echo(f"{synced.after.id} is in step: {after}")
    if before != after:
        typer.echo(f"it was: {before}")
    for operation in synced.still_open:
        typer.echo(f"still open: {operation.kind} {operation.id} is {operation.state}")


def _told(payment: Payment) -> str:
    money = [
        f"{name} {Money(cents, payment.currency).decimal()} {payment.currency}"
        for name, cents in (("captured", payment.captured), ("refunded", payment.refunded))
        if cents
    ]
    return ", ".join([payment.status, *money])


async def _tenant(settings: Settings, payment_id: str) -> str | None:
    url = settings.database_url.get_secret_value()
    async with command_engine(url, DatabaseRole.PLATFORM, command="payments sync") as engine:
        return await tenant_of_payment(engine, payment_id)


async def _sync(settings: Settings, tenant_id: str, payment_id: str, actor: Actor) -> Synced:
    async with working(settings, command="payments sync") as ports:
        return await PaymentSync(*ports).sync(tenant_id, payment_id, actor)
