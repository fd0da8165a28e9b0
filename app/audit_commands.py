"""`tollgate audit`: the chains of the audit log checked from outside the service.

It needs DATABASE_URL and nothing else, and reads as the role `tollgate_platform`: whoever may not
take that role is told so, instead of being shown no tenants.
"""

from __future__ import annotations

import asyncio
import re
from typing import Annotated

import typer

from app.clock import SystemClock
from app.database import command_engine
from app.database_command import progress_bar, told_in_words
from app.settings import load_database_url
from db.roles import DatabaseRole
from db.seal_work import SqlSealDatabase
from domain.verifying import Noted, Verdict, Verifier

BROKEN = 3
"""The exit code when a chain is broken."""

STATEMENT_SECONDS = 600.0
"""How long one look over a tenant's whole log may take."""

_NOTED = re.compile(r"(\d{1,18}):([0-9a-f]{64})", re.ASCII)

audit_commands = typer.Typer(no_args_is_help=True, help="The audit log.")


@audit_commands.callback()
def audit() -> None:
    """The audit log."""


@audit_commands.command()
def verify(
    tenant: Annotated[str | None, typer.Option(help="One tenant's id; all when left out.")] = None,
    noted: Annotated[
        str | None,
        typer.Option(help="SEQUENCE:HASH that the worker's log, or an earlier check, gave."),
    ] = None,
) -> None:
    """Walk each tenant's chain of seals; exit code 3 and the place where one is broken."""
    if noted is not None and tenant is None:
        raise typer.BadParameter("--noted is of one tenant: give --tenant too")
    end = _read_noted(noted)
    with told_in_words():
        verdicts = asyncio.run(_verify(load_database_url(), tenant, end))
    for verdict in verdicts:
        _tell(verdict)
    if any(verdict.faults for verdict in verdicts):
        raise typer.Exit(BROKEN)


def _tell(verdict: Verdict) -> None:
    """Says what was found of a tenant, faults on standard error."""
    for fault in verdict.faults:
        typer.echo(str(fault), err=True)
    if verdict.unsealed_since is not None:
        since = verdict.unsealed_since.isoformat(timespec="seconds")
        message = f"{verdict.tenant_id}: entries wait for their seal since {since}"
        typer.echo(f"{message}; does a worker run?", err=True)
    if not verdict.faults:
        end = f"{verdict.end.sequence}:{verdict.end.hash}" if verdict.end else "0, nothing sealed"
        typer.echo(f"{verdict.tenant_id} whole up to {end}")


def _read_noted(text: str | None) -> Noted | None:
    if text is None:
        return None
    found = _NOTED.fullmatch(text)
    if found is None:
        raise typer.BadParameter("--noted is SEQUENCE:HASH")
    return Noted(int(found[1]), found[2])


async def _verify(database_url: str, tenant: str | None, noted: Noted | None) -> list[Verdict]:
    async with command_engine(
        database_url,
        DatabaseRole.PLATFORM,
        command="audit",
        statement_timeout_seconds=STATEMENT_SECONDS,
    ) as engine:
        verifier = Verifier(SqlSealDatabase(engine), SystemClock())
        tenant_ids = list(await verifier.tenant_ids())
        if tenant is not None:
            if tenant not in tenant_ids:
                raise typer.BadParameter(f"no tenant has the id {tenant}")
            tenant_ids = [tenant]
        return await _check_all(verifier, tenant_ids, noted)


async def _check_all(
    verifier: Verifier, tenant_ids: list[str], noted: Noted | None
) -> list[Verdict]:
    with progress_bar("checking the audit") as progress:
        lengths = [await verifier.length(tenant_id) for tenant_id in tenant_ids]
        task = progress.add_task("", total=sum(lengths))

        def checked(count: int) -> None:
            progress.advance(task, count)

        return [
            await verifier.check(tenant_id, noted=noted, checked=checked)
            for tenant_id in tenant_ids
        ]
