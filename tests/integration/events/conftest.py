"""One shop for all events of a module: each test makes a payment of its own."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest_asyncio

from tests import canaries
from tests.conftest import execute, forget_all, on_database
from tests.integration.events.mailbox import Mailbox
from tests.integration.webhooks.served import served
from tests.integration.webhooks.shop import NO_REDIS, opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mailbox(postgres: str, template: str, running_sandbox: str) -> AsyncIterator[Mailbox]:
    """The route on a socket, over a database of its own and an account of its own."""
    name = f"events_{secrets.token_hex(6)}"
    await execute(postgres, f"create database {name} template {template}")
    url = on_database(postgres, name)
    forget_all(running_sandbox)
    try:
        async with (
            opened(url, NO_REDIS, running_sandbox) as shop,
            served(shop) as endpoint,
        ):
            yield Mailbox(shop, endpoint)
        await canaries.refuse_in_database(url)
    finally:
        await execute(postgres, f"drop database {name} with (force)")
