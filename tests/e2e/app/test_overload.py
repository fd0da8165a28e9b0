"""With every connection to the database in use, whoever comes is told so at once."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import asyncpg

from app.settings import Settings
from app.stack import Stack
from tests.e2e.graphql.conftest import new_merchant, settings
from tests.e2e.graphql.merchant import Merchant

__all__ = ["settings"]

_ASKED = "{ orders(first: 1) { nodes { status } } }"
_WAIT_SECONDS = 2.5
"""What a second and a busy machine come to; a lock is waited for twice as long."""


def told(merchant: Merchant) -> tuple[str, float]:
    """What a query is told, and after how long."""
    begun = time.monotonic()
    answer = merchant.ask(_ASKED).json
    took = time.monotonic() - begun
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else "read", took


async def hold(url: str, order_id: str, until: asyncio.Event, held: asyncio.Event) -> None:
    """Keeps the order locked."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("select 1 from orders where id = $1 for update", order_id)
            held.set()
            await until.wait()
    finally:
        await connection.close()


async def test_a_full_pool_answers_overloaded(stack: Stack, settings: Settings) -> None:
    """Mutations wait for one locked order, each with a connection. A query beside them is told
    OVERLOADED within a second, and all of them are served once the lock is gone."""
    merchant = await asyncio.to_thread(new_merchant, settings)
    order_id = await asyncio.to_thread(merchant.order)
    release, held = asyncio.Event(), asyncio.Event()
    holding = asyncio.create_task(hold(stack.database_url, order_id, release, held))
    await held.wait()
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(settings.db_pool_size + 1) as threads:
        paying = [
            loop.run_in_executor(threads, merchant.pay, "chargePayment", order_id)
            for _ in range(settings.db_pool_size)
        ]
        await asyncio.sleep(1.0)
        code, took = await loop.run_in_executor(threads, told, merchant)
        release.set()
        await holding
        answers = await asyncio.gather(*paying)
    code_after, _ = await asyncio.to_thread(told, merchant)

    assert code == "OVERLOADED"
    assert took < _WAIT_SECONDS
    assert code_after == "read"
    assert sorted(each["__typename"] for each in answers)[-1] == "PaymentSuccess"
