"""The command line: `tollgate COMMAND`."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from app.audit_commands import audit_commands
from app.doctor_command import doctor
from app.key_commands import key_commands
from app.ledger_commands import ledger_commands
from app.logging import set_up_logging
from app.manifest import write_manifest
from app.migrate import migrate as apply_migrations
from app.operation_commands import operation_commands
from app.payment_commands import payment_commands
from app.reconcile_command import reconcile
from app.report_command import routine_report
from app.seed import seed as write_seed
from app.server import serve as run_api
from app.settings import Settings, SettingsError, load_database_url, load_settings
from app.statement_command import statement
from app.tenant_commands import tenant_commands
from app.token_commands import token_commands
from app.tokens import NoSigningKey
from app.trusted_documents import ManifestFault
from app.webhook_commands import webhook_commands
from app.worker import run as run_worker
from schema.roles import print_roles
from schema.schema import print_sdl

CONFIGURATION_FAULT = 2
"""The exit code of a command that was not told enough to start."""

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
schema_commands = typer.Typer(no_args_is_help=True, help="The GraphQL schema.")
cli.add_typer(schema_commands, name="schema")
cli.add_typer(token_commands, name="token")
cli.add_typer(audit_commands, name="audit")
cli.add_typer(ledger_commands, name="ledger")
cli.add_typer(tenant_commands, name="tenants")
cli.add_typer(key_commands, name="keys")
cli.add_typer(webhook_commands, name="webhooks")
cli.add_typer(payment_commands, name="payments")
cli.add_typer(operation_commands, name="operations")
cli.command()(statement)
cli.command()(doctor)
cli.command()(reconcile)
cli.command(name="report")(routine_report)


@cli.command()
def serve(
    fd: Annotated[int | None, typer.Option(help="A listening socket to take over.")] = None,
) -> None:
    """Run the API."""
    run_api(_start(), fd=fd)


@cli.command()
def worker() -> None:
    """Run the worker: webhooks' events, settlement and the daily loops."""
    settings = _start()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_worker(settings))


@cli.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def sandbox(context: typer.Context) -> None:
    """Run the sandbox, a stand-in for Stripe's API: --port N, --host ADDRESS."""
    command = [sys.executable, "-m", "sandbox", *context.args]
    os.execv(sys.executable, command)  # noqa: S606 - its own program, with its own arguments


@cli.command()
def migrate() -> None:
    """Bring the database's tables up to date."""
    set_up_logging("INFO")
    apply_migrations(load_database_url())


@cli.command()
def seed() -> None:
    """Make the tenants of the development data set that are missing; print id and name of each."""
    for tenant in asyncio.run(write_seed(_start())).tenants:
        typer.echo(f"{tenant.id} {tenant.name}")


@schema_commands.command()
def export() -> None:
    """Print the GraphQL schema in its definition language."""
    typer.echo(print_sdl(), nl=False)


@schema_commands.command()
def roles() -> None:
    """Print the table of fields and roles, docs/roles.md."""
    typer.echo(print_roles(), nl=False)


@schema_commands.command()
def documents(
    folder: Annotated[Path, typer.Argument(help="Where the .graphql files are.", exists=True)],
) -> None:
    """Print a manifest of trusted documents, one for each .graphql file."""
    try:
        typer.echo(write_manifest(folder))
    except ManifestFault as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(CONFIGURATION_FAULT) from None


def main() -> None:
    """Run the command that the arguments name; a fault of the configuration is said in words."""
    try:
        cli()
    except (SettingsError, NoSigningKey) as fault:
        sys.stderr.write(f"{fault}\n")
        sys.exit(CONFIGURATION_FAULT)


def _start() -> Settings:
    settings = load_settings()
    set_up_logging(settings.log_level, settings.log_format)
    return settings
