"""The commands `tollgate token mint` and `tollgate token revoke`."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, NoReturn

import typer

from app.auth import TOKEN_LENGTH_MAX, TokenVerifier
from app.database_command import told_in_words
from app.logging import set_up_logging
from app.revoking import CannotRevoke, Revocation, asked_for, of_token, revoke
from app.settings import Settings, load_settings
from app.tokens import TTL_SECONDS, mint_token
from domain.caller import Role
from domain.errors import Unauthenticated

token_commands = typer.Typer(no_args_is_help=True, help="Bearer tokens.")


@token_commands.command()
def mint(
    role: Annotated[list[Role], typer.Option(help="A role; may be given several times.")],
    tenant: Annotated[str | None, typer.Option(help="The tenant's id.")] = None,
    subject: Annotated[str, typer.Option(help="Who the bearer is.")] = "developer",
    ttl: Annotated[int, typer.Option(min=1, help="Seconds that it is good for.")] = TTL_SECONDS,
) -> None:
    """Print a bearer token signed with the first HS256 key, for development."""
    settings = _start()
    token = mint_token(settings, tenant=tenant, roles=role, subject=subject, ttl_seconds=ttl)
    try:
        asyncio.run(TokenVerifier(settings).verify(f"Bearer {token}"))
    except Unauthenticated:
        _fail(
            "The API would refuse this token. PLATFORM_ADMIN stands alone and has no tenant; every"
            " other role needs --tenant with an id; createCheckoutToken makes those of CHECKOUT."
        )
    typer.echo(token)


@token_commands.command("revoke")
def revoke_command(
    jti: Annotated[
        str | None, typer.Option(help="The token's id, where it is not at hand.")
    ] = None,
    expires_at: Annotated[
        str | None, typer.Option(help="With --jti: its end, 2026-12-31T00:00:00Z.")
    ] = None,
    tenant: Annotated[
        str | None, typer.Option(help="With --jti: the tenant whose audit hears of it.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why, for the audit.")] = None,
) -> None:
    """Refuse a token from now on, on every API within 5 seconds.

    The token is read from standard input, since other users see a command's arguments.
    """
    settings = _start()
    try:
        with told_in_words():
            revocation = asyncio.run(_revoke(settings, asked_for(jti, expires_at, tenant), reason))
    except CannotRevoke as fault:
        _fail(str(fault))
    typer.echo(f"revoked {revocation.token_id} until {revocation.expires_at.isoformat()}")


async def _revoke(settings: Settings, asked: Revocation | None, reason: str | None) -> Revocation:
    revocation = asked or await of_token(settings, _read_token())
    await revoke(settings, revocation, reason=reason)
    return revocation


def _read_token() -> str:
    if sys.stdin.isatty():
        typer.echo("The token, then Enter:", err=True)
    line = sys.stdin.readline(TOKEN_LENGTH_MAX + 1).strip()
    return line.removeprefix("Bearer ")


def _start() -> Settings:
    settings = load_settings()
    set_up_logging(settings.log_level, settings.log_format)
    return settings


def _fail(fault: str) -> NoReturn:
    typer.echo(fault, err=True)
    raise typer.Exit(1)
