"""`tollgate ledger`: the books checked from outside the service.

It needs DATABASE_URL and nothing else, and reads as the role `tollgate_platform`: whoever may not
take that role is told so, instead of being shown no tenants.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from app.database import command_engine
from app.database_command import progress_bar, told_in_words
from app.settings import load_database_url
from db.ledger_checks import SqlLedgerCheckDatabase
from db.roles import DatabaseRole
from domain.ledger_checks import DIFFERENCES_MAX, LedgerChecks, Verdict

DIFFERENT = 3
"""The exit code when a payment's amounts and its books differ."""

STATEMENT_SECONDS = 60.0
"""How long one page of payments may take."""

ledger_commands = typer.Typer(no_args_is_help=True, help="The books.")


@ledger_commands.callback()
def ledger() -> None:
    """The books."""


@ledger_commands.command()
def verify(
    tenant: Annotated[str | None, typer.Option(help="One tenant's id; all when left out.")] = None,
) -> None:
    """Hold each payment against its entries; exit code 3 and each amount that differs."""
    with told_in_words():
        verdicts = asyncio.run(_verify(load_database_url(), tenant))
    for verdict in verdicts:
        _tell(verdict)
    if any(verdict.differences for verdict in verdicts):
        raise typer.Exit(DIFFERENT)


def _tell(verdict: Verdict) -> None:
    """Says what was found of a tenant, differences on standard error."""
    for difference in verdict.differences:
        typer.echo(str(difference), err=True)
    if len(verdict.differences) == DIFFERENCES_MAX:
        typer.echo(f"{verdict.tenant_id}: the first {DIFFERENCES_MAX}; there may be more", err=True)
    if not verdict.differences:
        typer.echo(f"{verdict.tenant_id}: {verdict.payments} payments agree with their books")


async def _verify(database_url: str, tenant: str | None) -> list[Verdict]:
    async with command_engine(
        database_url,
        DatabaseRole.PLATFORM,
        command="ledger",
        statement_timeout_seconds=STATEMENT_SECONDS,
    ) as engine:
        checks = LedgerChecks(SqlLedgerCheckDatabase(engine))
        tenant_ids = list(await checks.tenant_ids())
        if tenant is not None:
            if tenant not in tenant_ids:
                raise typer.BadParameter(f"no tenant has the id {tenant}")
            tenant_ids = [tenant]
        return await _check_all(checks, tenant_ids)


async def _check_all(checks: LedgerChecks, tenant_ids: list[str]) -> list[Verdict]:
    with progress_bar("checking the books") as progress:
        counts = [await checks.count(tenant_id) for tenant_id in tenant_ids]
        task = progress.add_task("", total=sum(counts))

        def checked(count: int) -> None:
            progress.advance(task, count)

        return [await checks.check(tenant_id, checked=checked) for tenant_id in tenant_ids]
