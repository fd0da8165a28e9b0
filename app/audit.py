"""`tollgate audit`: the chains of the audit log checked from outside the service."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.logging import set_up_logging
from app.settings import Settings, load_settings
from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.work import SqlDatabase
from domain.verifying import Noted, Verdict, Verifier

BROKEN = 3
"""The exit code when a chain is broken."""

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
    settings = load_settings()
    set_up_logging(settings.log_level)
    verdicts = asyncio.run(_verify(settings, tenant, _read_noted(noted)))
    faults = [fault for verdict in verdicts for fault in verdict.faults]
    for verdict in verdicts:
        if verdict.end is not None and not verdict.faults:
            typer.echo(f"{verdict.tenant_id} whole up to {verdict.end.sequence}:{verdict.end.hash}")
    for fault in faults:
        typer.echo(str(fault), err=True)
    if faults:
        raise typer.Exit(BROKEN)


def _read_noted(text: str | None) -> Noted | None:
    if text is None:
        return None
    found = _NOTED.fullmatch(text)
    if found is None:
        raise typer.BadParameter("--noted is SEQUENCE:HASH")
    return Noted(int(found[1]), found[2])


async def _verify(settings: Settings, tenant: str | None, noted: Noted | None) -> list[Verdict]:
    engine = make_engine(
        settings.database_url.get_secret_value(), pool_size=1, application_name="tollgate audit"
    )
    keys = settings.credential_keys
    cipher = AesGcmCipher({key.id: key.key for key in keys}, keys[0].id)
    verifier = Verifier(SqlDatabase(engine, cipher))
    try:
        tenant_ids = [tenant] if tenant else list(await verifier.tenant_ids())
        return await _check_all(verifier, tenant_ids, noted)
    finally:
        await engine.dispose()


async def _check_all(
    verifier: Verifier, tenant_ids: list[str], noted: Noted | None
) -> list[Verdict]:
    columns = (TextColumn("checking the audit"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        lengths = [await verifier.length(tenant_id) for tenant_id in tenant_ids]
        task = progress.add_task("", total=sum(lengths))

        def checked(count: int) -> None:
            progress.advance(task, count)

        return [
            await verifier.check(tenant_id, noted=noted, checked=checked)
            for tenant_id in tenant_ids
        ]
