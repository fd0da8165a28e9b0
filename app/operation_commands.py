"""`tollgate operations`: those that the settler has handed to people."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from app.database import command_engine
from app.database_command import FAILED, told_in_words
from app.operating import operator, working
from app.settings import Settings, load_database_url, load_settings
from db.platform_operations import UnderReview, tenant_of_operation, under_review
from db.roles import DatabaseRole
from domain.caller import Actor
from domain.ids import Prefix, is_id
from domain.money import Money
from domain.operations import Outcome
from domain.reviewing import NotUnderReview, OperationReview

operation_commands = typer.Typer(no_args_is_help=True, help="Operations that are for people.")


@operation_commands.command(name="list")
def list_operations() -> None:
    """List the operations of which nobody knows the outcome for a day, oldest first."""
    with told_in_words():
        found = asyncio.run(_under_review(load_database_url()))
    for each in found:
        amount = "" if each.amount is None else Money(each.amount, each.currency).decimal()
        typer.echo(
            f"{each.operation_id} {each.kind} {each.payment_id} {each.tenant_id} "
            f"{amount} {each.currency} sent {each.sent_at:%Y-%m-%d %H:%M} UTC: {each.error}"
        )
    typer.echo(f"{len(found)} under review", err=True)


@operation_commands.command(name="give-up")
def give_up(
    operation_id: Annotated[str, typer.Argument(metavar="ID", help="The operation, op_...")],
    reason: Annotated[str, typer.Option(help="How it is known, for the audit.")],
    by: Annotated[str, typer.Option(help="Who says so, for the audit.")],
) -> None:
    """End an operation that the gateway certainly never did; look there first.

    What it had reserved is free again. Exit code 1: it is not under review.
    """
    if not is_id(operation_id, Prefix.OPERATION):
        raise typer.BadParameter("an operation's id is op_ and 26 characters", param_hint="ID")
    if not reason.strip() or not by.strip():
        raise typer.BadParameter("must say something", param_hint="--reason, --by")
    with told_in_words():
        settings = load_settings()
        tenant_id = asyncio.run(_tenant(settings, operation_id))
        if tenant_id is None:
            raise typer.BadParameter("no operation has this id", param_hint="ID")
        actor = operator(by)
        try:
            outcome = asyncio.run(_give_up(settings, tenant_id, operation_id, actor, reason))
        except NotUnderReview as state:
            typer.echo(f"{operation_id} is not under review: it is {state}", err=True)
            raise typer.Exit(FAILED) from state
    payment = outcome.payment
    typer.echo(f"{operation_id} is {outcome.operation.state}, {payment.id} is {payment.status}")


async def _under_review(url: str) -> list[UnderReview]:
    async with command_engine(url, DatabaseRole.PLATFORM, command="operations list") as engine:
        return list(await under_review(engine))


async def _tenant(settings: Settings, operation_id: str) -> str | None:
    url = settings.database_url.get_secret_value()
    async with command_engine(url, DatabaseRole.PLATFORM, command="operations give-up") as engine:
        return await tenant_of_operation(engine, operation_id)


async def _give_up(
    settings: Settings, tenant_id: str, operation_id: str, actor: Actor, reason: str
) -> Outcome:
    async with working(settings, command="operations give-up") as ports:
        return await OperationReview(*ports).give_up(tenant_id, operation_id, actor, reason=reason)
