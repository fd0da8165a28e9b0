"""What metrics and logs cost a charge: the same charge with both, and with neither.

    python benchmarks/watching_overhead.py [rounds]

The whole API runs in this process over a PostgreSQL, a Valkey and a sandbox of its own; only
chargePayment is measured, not the order before it. There are two APIs of each kind, made in turns,
since one that is made later is a little slower; blocks of charges go round among the four, and each
round gives a ratio. Their median is what to compare between machines, and on a noisy one the
ratio of the quietest quarters. CPU is that of this
process: all that Tollgate does for a charge, the gateway's library included. Lines are written as
JSON to a file.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TextIO

from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import ASGIApp

from app.asgi import create_app
from app.commit_metrics import CommitCounters
from app.database_metrics import DatabaseMeasures
from app.embedded.account import service_account
from app.embedded.folders import reachable_folder
from app.gateway_metrics import GatewayMeasures
from app.logging import set_up_logging
from app.metrics import PrometheusMeasures
from app.request_metrics import RequestMeasures
from app.seed import seed
from app.settings import Settings, load_settings
from app.stack import Stack
from domain.caller import Role
from domain.measures import Changes
from tests.e2e.graphql.merchant import a_token
from tests.unit.app.asgi import answered

BLOCK = 25
ORDER = """mutation ($input: CreateOrderInput!) { createOrder(input: $input) {
    ... on OrderSuccess { order { id } } } }"""
CHARGE = """mutation ($input: ChargePaymentInput!) { chargePayment(input: $input) {
    __typename ... on PaymentSuccess { payment { id status } } } }"""


class NoRequests(RequestMeasures):
    """Counts nothing."""

    def request(self, route: str, status: int, seconds: float) -> None:
        pass

    def operation(self, operation: str, outcome: str, seconds: float) -> None:
        pass


class NoCommits(CommitCounters):
    """Counts nothing."""

    def committed(self, changes: Changes) -> None:
        pass

    def idempotency_hit(self) -> None:
        pass


class NoGateway(GatewayMeasures):
    """Measures nothing."""

    @asynccontextmanager
    async def around(self, call: str) -> AsyncIterator[None]:
        yield


class NoDatabase(DatabaseMeasures):
    """Watches nothing."""

    def watch(self, name: str, engine: AsyncEngine) -> None:
        pass


class NoMeasures(PrometheusMeasures):
    """A process that nobody watches."""

    def __init__(self) -> None:
        super().__init__()
        nowhere = CollectorRegistry()
        self.requests = NoRequests(nowhere)
        self.commits = NoCommits(nowhere)
        self.gateway = NoGateway(nowhere)
        self.database = NoDatabase(nowhere)


class Front:
    """An API and a caller of it."""

    def __init__(self, app: ASGIApp, token: str, level: int) -> None:
        self._app = app
        self._headers = [
            ("Content-Type", "application/json"),
            ("Authorization", f"Bearer {token}"),
        ]
        self._level = level

    async def order(self) -> str:
        """A fresh order's id."""
        given = {
            "reference": secrets.token_urlsafe(12),
            "totalAmountCents": 10_000,
            "currency": "USD",
            "idempotencyKey": secrets.token_urlsafe(12),
        }
        return str((await self._ask(ORDER, given))["createOrder"]["order"]["id"])

    async def microseconds(self) -> float:
        """CPU of a charge, of a block of them."""
        orders = [await self.order() for _ in range(BLOCK)]
        logging.getLogger().setLevel(self._level)
        gc.collect()
        began = time.process_time()
        for order_id in orders:
            given = {
                "orderId": order_id,
                "paymentMethod": {"type": "CARD", "token": "pm_card_visa"},
                "gatewayType": "STRIPE",
                "idempotencyKey": secrets.token_urlsafe(12),
            }
            done = await self._ask(CHARGE, given)
            if done["chargePayment"]["payment"]["status"] != "PAID":
                raise RuntimeError(f"the charge was not paid: {done}")
        return (time.process_time() - began) / BLOCK * 1e6

    async def _ask(self, query: str, given: Mapping[str, object]) -> Any:
        body = json.dumps({"query": query, "variables": {"input": given}}).encode()
        answer = await answered(self._app, body, headers=self._headers)
        if "data" not in answer.json:
            raise RuntimeError(f"the API refused: {answer.json}")
        return answer.json["data"]


async def measure(settings: Settings, lines: TextIO, rounds: int) -> None:
    """Prints the two medians and the ratio."""
    tenant = (await seed(settings)).tenants[0]
    token = a_token(settings, tenant.id, Role.OPERATOR)
    set_up_logging("WARNING", "json")
    (handler,) = logging.getLogger().handlers
    if not isinstance(handler, logging.StreamHandler):
        raise TypeError("lines go to a stream")
    handler.setStream(lines)
    async with AsyncExitStack() as stack:
        fronts = []
        for is_watched in (False, True, True, False):
            measures = None if is_watched else NoMeasures()
            app = create_app(settings, measures)
            await stack.enter_async_context(app.router.lifespan_context(app))
            level = logging.INFO if is_watched else logging.WARNING
            fronts.append((is_watched, Front(app, token, level)))
        for _, front in fronts:
            await front.microseconds()
        taken = []
        for number in range(rounds):
            found = {False: 0.0, True: 0.0}
            for is_watched, front in fronts[number % 4 :] + fronts[: number % 4]:
                found[is_watched] += await front.microseconds() / 2
            taken.append((found[False], found[True]))
    report([pair[0] for pair in taken], [pair[1] for pair in taken])


def report(without: list[float], with_both: list[float]) -> None:
    """The medians, and the quietest quarters, which others on the machine disturbed least."""
    quarter = max(len(without) // 4, 1)
    print(f"{'us of CPU a charge':28} {'median':>9} {'quietest quarter':>17}")
    quiet = []
    for name, found in (("without metrics and lines", without), ("with both", with_both)):
        quiet.append(statistics.mean(sorted(found)[:quarter]))
        print(f"{name:28} {statistics.median(found):9.0f} {quiet[-1]:17.0f}")
    pairs = [both / neither for neither, both in zip(without, with_both, strict=True)]
    print(f"{'ratio':28} {statistics.median(pairs):9.3f} {quiet[1] / quiet[0]:17.3f}")


def main() -> None:
    """Starts the services and measures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    with tempfile.TemporaryDirectory(dir=reachable_folder(service_account())) as name:
        folder = Path(name)
        folder.chmod(0o711)
        stack = Stack(folder, durable=False)
        try:
            stack.start_services()
            stack.migrate()
            with (folder / "lines.log").open("w") as lines:
                asyncio.run(measure(load_settings(stack.environment), lines, rounds))
        finally:
            stack.stop()


if __name__ == "__main__":
    main()
