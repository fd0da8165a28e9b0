"""What a reconciliation costs beside the lists that it reads.

    python benchmarks/reconciliation.py [payments]

So many payments through the sandbox, all in step, in a PostgreSQL of its own. Three spans over
them: the two lists alone, which is the floor; the lists and every payment held against them; and
the same once a twentieth has a refund from the dashboard that nobody told us of, looked at only.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

from app.embedded.account import service_account
from app.embedded.folders import reachable_folder
from app.embedded.postgres import EmbeddedPostgres
from app.embedded.sandbox import EmbeddedSandbox
from app.logging import set_up_logging
from app.migrate import migrate
from domain.comparing import GRACE
from domain.gateways.stripe_balance import StripeBalance
from domain.reconciling import Reconciler
from domain.tenant import GatewayAccount
from tests.integration.domain.calls import capture
from tests.integration.webhooks.shop import NO_REDIS, USER, Shop, opened

ROUNDS = 5
SIDE_BY_SIDE = 8
_TWENTIETH = 20


async def seconds(work: Callable[[], Awaitable[object]]) -> float:
    """The median of the rounds, the first left out."""
    taken = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:])


async def settled(shop: Shop, count: int) -> list[str]:
    """So many payments of which everything is known; their ids at the gateway."""
    limit = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one() -> str:
        async with limit:
            payment = await shop.authorize()
            await shop.payments.capture(USER, shop.tenant.id, capture(payment))
            return str(payment.gateway_payment_id)

    return list(await asyncio.gather(*(one() for _ in range(count))))


async def compare(shop: Shop, gateway: StripeBalance, count: int) -> None:
    """Prints the three."""
    intents = await settled(shop, count)
    shop.clock.advance(GRACE.total_seconds() + 5)
    end = (shop.clock.now() - GRACE).replace(microsecond=0)
    begin = end - timedelta(hours=1)
    async with shop.worker_database.begin_across_tenants() as work:
        account = await work.tenants.gateway_by_id(await shop.endpoints.platform_gateway_id())
    if account is None:
        raise LookupError("the platform's account")
    reconciler = Reconciler(shop.worker_database, gateway, shop.wake, shop.clock, repair_as=None)

    async def differ(wanted: int) -> None:
        found = await reconciler.span(account, begin, end)
        if (found.payments, len(found.left)) != (count, wanted):
            raise AssertionError(f"{found.payments} payments, {len(found.left)} differ")

    floor = await seconds(lambda: lists(gateway, account, begin, end))
    in_step = await seconds(lambda: differ(0))
    for intent_id in intents[::_TWENTIETH]:
        await shop.call_stripe("refunds", payment_intent=intent_id, amount="100")
    shop.clock.advance(GRACE.total_seconds() + 5)
    refunded = len(intents[::_TWENTIETH])
    suspected = await seconds(lambda: differ(refunded))
    for what, taken in (
        ("the lists alone", floor),
        ("every payment in step", in_step),
        (f"{refunded} of them refunded beside us", suspected),
    ):
        sys.stdout.write(
            f"{what}: {taken:.2f} s, {count / taken:.0f} payments a second, "
            f"{taken / floor:.2f} of the lists\n"
        )


async def lists(
    gateway: StripeBalance, account: GatewayAccount, begin: datetime, end: datetime
) -> None:
    """Both lists of the span."""
    for read in (gateway.list_intents, gateway.list_movements):
        await read(account, created_from=begin, created_until=end, timeout_seconds=10.0)


async def measure(database_url: str, sandbox_url: str, count: int) -> None:
    """One shop, made, filled and reconciled."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        gateway = StripeBalance(secret_key=shop.stripe_key, api_base=sandbox_url, pause_seconds=0.0)
        try:
            await compare(shop, gateway, count)
        finally:
            await gateway.close()


def main() -> None:
    """Prints what it found."""
    set_up_logging("ERROR")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    parent = reachable_folder(service_account())
    with tempfile.TemporaryDirectory(prefix="reconciliation-", dir=parent) as folder:
        Path(folder).chmod(0o711)
        sandbox = EmbeddedSandbox(Path(folder))
        with EmbeddedPostgres(Path(folder) / "postgres", durable=False) as url:
            try:
                migrate(url)
                asyncio.run(measure(url, sandbox.start(), count))
            finally:
                sandbox.stop()


if __name__ == "__main__":
    main()
