"""`tollgate webhooks walk`, as an operator calls it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import pytest
import pytest_asyncio
import typer
from typer.testing import CliRunner

from app.gap_commands import walk
from tests.integration.app.in_process import Done
from tests.integration.domain.gateways import Desk, connect
from tests.integration.webhooks.shop import NO_REDIS, Shop, opened
from tests.unit.app.test_settings import DEVELOPMENT

AGO = 600.0


@pytest_asyncio.fixture
async def environ(database_url: str, sandbox_url: str) -> Mapping[str, str]:
    """What the command is told."""
    return DEVELOPMENT | {
        "DATABASE_URL": database_url,
        "REDIS_URL": NO_REDIS,
        "STRIPE_API_BASE": sandbox_url,
    }


async def walked(environ: Mapping[str, str]) -> Done:
    """What the command came to, within this process."""
    commands = typer.Typer()
    commands.command()(walk)
    root = logging.getLogger()
    level = root.level

    def run() -> Done:
        result = CliRunner().invoke(commands, [], env=dict(environ), catch_exceptions=False)
        return Done(result.exit_code, result.stdout, result.stderr)

    try:
        return await asyncio.to_thread(run)
    finally:
        root.setLevel(level)


async def lost(shop: Shop) -> None:
    """A payment of ten minutes ago whose answer and events were lost."""
    await shop.write("update tenant_payment_gateways set created_at = now() - interval '1 day'")
    await shop.control.advance(-AGO)
    await shop.lose_the_answer()
    await shop.control.advance(AGO)


async def test_the_command_walks_over_every_account(
    database_url: str, sandbox_url: str, environ: Mapping[str, str]
) -> None:
    """It says of each account how far it was listed and how many events had not arrived; the same
    again, though no account is due, finds nothing."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        await lost(shop)
        environ = {**environ, "STRIPE_SECRET_KEY": shop.stripe_key}
        first, second = await walked(environ), await walked(environ)
        platform = await shop.endpoints.platform_gateway_id()
        sources = await shop.rows("select distinct source from webhook_events")

    assert (first.code, second.code) == (0, 0), first.err
    account, total = first.out.splitlines()
    assert account.startswith(f"{platform} PLATFORM until 20")
    assert account.endswith("Z: 3 events had not arrived")
    assert total == "1 accounts, 3 events had not arrived, 0 failed"
    assert second.out.splitlines()[-1] == "1 accounts, 0 events had not arrived, 0 failed"
    assert sources == [("listed",)]


async def test_the_command_says_which_account_failed(
    database_url: str, sandbox_url: str, environ: Mapping[str, str]
) -> None:
    """By exit code 1 and in words; the others are listed all the same."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        desk = Desk.of(shop)
        account_id = await desk.connected(shop.tenant.id)
        gone = (await desk.configure(connect(account_id))).profile
        await desk.order(account_id, deauthorized=True)
        await lost_by_the_platform(shop)
        done = await walked({**environ, "STRIPE_SECRET_KEY": shop.stripe_key})

    assert done.code == 1
    assert f"{gone.id} CONNECT until" in done.out
    assert "GatewayUnauthorized: the gateway refused our credentials" in done.out
    assert done.out.splitlines()[-1] == "2 accounts, 1 events had not arrived, 1 failed"


async def lost_by_the_platform(shop: Shop) -> None:
    """An intent of ten minutes ago at the platform's own account."""
    await shop.write("update tenant_payment_gateways set created_at = now() - interval '1 day'")
    await shop.control.advance(-AGO)
    await shop.call_stripe("payment_intents", amount="1000", currency="usd")
    await shop.control.advance(AGO)


async def test_the_command_without_a_database(environ: Mapping[str, str]) -> None:
    """A sentence, and exit code 1."""
    done = await walked({**environ, "DATABASE_URL": "postgresql://nobody:x@127.0.0.1:1/nowhere"})

    assert done.code == 1
    assert "the database cannot be had" in done.err


@pytest.mark.parametrize("missing", ["STRIPE_SECRET_KEY", "TOLLGATE_CREDENTIAL_KEYS"])
def test_the_command_needs_its_settings(missing: str) -> None:
    """It is not run without a key for the gateway, or for what is stored."""
    commands = typer.Typer()
    commands.command()(walk)
    done = CliRunner().invoke(commands, [], env={**DEVELOPMENT, missing: ""})

    assert done.exit_code != 0
    assert missing in str(done.exception)
