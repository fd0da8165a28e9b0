"""The worker as a process of its own."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from domain.inbox import WebhookEventStatus
from domain.payment import PaymentStatus
from tests.e2e.sandbox.control import eventually
from tests.integration.webhooks.shop import NO_REDIS, Shop, opened

WORKER = """
import asyncio, logging
from app.settings import load_settings
from app.worker import run
logging.basicConfig(level="INFO")
asyncio.run(run(load_settings()))
"""
PROCESSED = WebhookEventStatus.PROCESSED


def environment(shop: Shop, database_url: str, redis_url: str) -> dict[str, str]:
    """What the worker is told."""
    return {
        **os.environ,
        "TOLLGATE_ENV": "development",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_API_BASE": shop.control.url,
        "STRIPE_SECRET_KEY": shop.stripe_key,
        "TOLLGATE_CREDENTIAL_KEYS": "k1:" + base64.b64encode(b"0" * 32).decode(),
        "TOLLGATE_JWT_KEYS": json.dumps([{"kid": "k", "alg": "HS256", "key": "k" * 32}]),
        "TOLLGATE_CHECKOUT_KEYS": "c1:" + base64.b64encode(b"1" * 32).decode(),
    }


@asynccontextmanager
async def worker(
    shop: Shop, database_url: str, redis_url: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker that is ready; it is told to stop at the end, if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WORKER,
        env=environment(shop, database_url, redis_url),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    seen = b""
    async with asyncio.timeout(60):
        while b"worker ready" not in seen:
            line = await process.stderr.readline()
            assert line, seen.decode()
            seen += line
    draining = asyncio.create_task(process.stderr.read())
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await draining


@pytest.fixture(params=["redis", "no redis"])
def redis(request: pytest.FixtureRequest, redis_url: str) -> str:
    """A Redis that is there, and one that is not."""
    return redis_url if request.param == "redis" else NO_REDIS


async def test_events_and_operations_are_handled(
    database_url: str, redis: str, sandbox_url: str
) -> None:
    """With and without Redis, a lost charge becomes PAID and a lost decline is closed, in 15 s."""
    async with opened(database_url, redis, sandbox_url) as shop, worker(shop, database_url, redis):
        paid = await shop.lose_the_answer()
        declined = await shop.lose_the_answer("pm_card_visa_chargeDeclined")
        started = time.monotonic()
        for event in await shop.gateway_events():
            await shop.receive(event)
        await eventually(lambda: shop.now_of(declined), lambda found: not found.is_live, seconds=15)
        await eventually(
            lambda: shop.rows("select count(*) from webhook_events where not processed"),
            lambda found: found == [(0,)],
            seconds=15 - (time.monotonic() - started),
        )

        assert (await shop.now_of(paid)).status is PaymentStatus.PAID
        assert (await shop.now_of(declined)).status is PaymentStatus.FAILED
        assert await shop.alerts() == []


async def test_the_worker_finds_what_never_arrived(
    database_url: str, redis: str, sandbox_url: str
) -> None:
    """A payment of ten minutes ago, of which neither answer nor event arrived, is PAID soon after
    the worker has started."""
    async with opened(database_url, redis, sandbox_url) as shop:
        await shop.write("update tenant_payment_gateways set created_at = now() - interval '1 day'")
        await shop.control.advance(-600)
        payment = await shop.lose_the_answer()
        await shop.control.advance(600)
        # what the settler would find out by itself, it is not to
        await shop.write("update gateway_operations set due_at = now() + interval '1 day'")
        async with worker(shop, database_url, redis):
            paid = await eventually(
                lambda: shop.now_of(payment),
                lambda found: found.status is PaymentStatus.PAID,
                seconds=15,
            )
            # The first event may pay it: the others are not to be left to the worker's end.
            sources = await eventually(
                lambda: shop.rows("select distinct source, status from webhook_events"),
                lambda found: found == [("listed", "PROCESSED")],
                seconds=15,
            )

    assert paid.captured == payment.total
    assert sources == [("listed", "PROCESSED")]


async def test_the_worker_reconciles(database_url: str, redis: str, sandbox_url: str) -> None:
    """A payment of an hour ago whose answer and events were lost, with neither settler nor walk to
    find it, is recorded by the daily reconciliation, which says so in the audit."""
    async with opened(database_url, redis, sandbox_url) as shop:
        await shop.write("update tenant_payment_gateways set created_at = now() - interval '1 day'")
        await shop.control.advance(-3_600)
        payment = await shop.lose_the_answer()
        await shop.control.advance(3_600)
        await shop.write(
            "update gateway_operations set due_at = now() + interval '1 day',"
            " first_sent_at = now() - interval '1 hour', last_sent_at = now() - interval '1 hour'"
        )
        async with shop.worker_database.begin_across_tenants() as work:
            now = shop.clock.now()
            await work.cursors.add_missing(now, oldest=now, livemode=False)
            await work.commit()
        await shop.write("update webhook_cursors set due_at = now() + interval '1 day'")
        async with worker(shop, database_url, redis):
            paid = await eventually(
                lambda: shop.now_of(payment),
                lambda found: found.status is PaymentStatus.PAID,
                seconds=30,
            )
        who = await shop.rows("select actor_id from audit_log where action = 'payment.paid'")

    assert paid.captured == payment.total
    assert who == [("reconciliation",)]


async def test_an_event_under_way_ends_before_the_worker(
    database_url: str, redis: str, sandbox_url: str
) -> None:
    """SIGTERM lets the event that is being read end, in its first try, and then the worker."""
    async with opened(database_url, redis, sandbox_url) as shop:
        payment = await shop.lose_the_answer()
        (event,) = await shop.gateway_events("payment_intent.succeeded")
        await shop.control.order_fault(
            "latency", method="GET", path="/v1/payment_intents/pi_[^/]+", seconds=2
        )
        async with worker(shop, database_url, redis) as process:
            stored = await shop.receive(event)
            await eventually(
                lambda: shop.event(stored.id), lambda found: found.attempts == 1, seconds=10
            )
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            code = await process.wait()
        handled = await shop.event(stored.id)
        paid = await shop.now_of(payment)

    assert (code, time.monotonic() - started < 10) == (0, True)
    assert (handled.status, handled.attempts) == (PROCESSED, 1)
    assert paid.status is PaymentStatus.PAID


async def test_postgresql_away_at_the_start(sandbox_url: str, database_url: str) -> None:
    """A worker without PostgreSQL starts, waits for it, and still stops when told."""
    nowhere = "postgresql://nobody:x@127.0.0.1:1/nowhere"
    async with (
        opened(database_url, NO_REDIS, sandbox_url) as shop,
        worker(shop, nowhere, NO_REDIS) as process,
    ):
        await asyncio.sleep(1.5)
        assert process.returncode is None
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
