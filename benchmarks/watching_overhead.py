"""What metrics and logs cost a charge: the same charge with both, and with neither.

    python benchmarks/watching_overhead.py [pairs]

The whole API runs in this process over a PostgreSQL, a Valkey and a sandbox of its own; only
chargePayment is measured, not the order before it. Blocks of charges alternate between the two,
each pair gives a ratio, and their median is what to compare between machines. CPU is that of this
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


async def measure(settings: Settings, lines: TextIO, pairs: int) -> None:
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
        for measures, level in ((NoMeasures(), logging.WARNING), (None, logging.INFO)):
            app = create_app(settings, measures)
            await stack.enter_async_context(app.router.lifespan_context(app))
            fronts.append(Front(app, token, level))
        for front in fronts:
            await front.microseconds()
        taken = []
        for number in range(pairs):
            order = fronts if number % 2 == 0 else fronts[::-1]
            found = {id(front): await front.microseconds() for front in order}
            taken.append((found[id(fronts[0])], found[id(fronts[1])]))
    without, with_both = (statistics.median(pair[at] for pair in taken) for at in (0, 1))
    ratios = sorted(pair[1] / pair[0] for pair in taken)
    print(f"without metrics and lines {without:9.0f} us of CPU a charge")
    print(f"with both                 {with_both:9.0f} us of CPU a charge")
    print(
        f"ratio, median of {pairs} pairs {statistics.median(ratios):6.3f}"
        f" ({ratios[len(ratios) // 4]:.3f} to {ratios[-1 - len(ratios) // 4]:.3f})"
    )


def main() -> None:
    """Starts the services and measures."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    with tempfile.TemporaryDirectory(dir=reachable_folder(service_account())) as name:
        folder = Path(name)
        folder.chmod(0o711)
        stack = Stack(folder, durable=False)
        try:
            stack.start_services()
            stack.migrate()
            with (folder / "lines.log").open("w") as lines:
                asyncio.run(measure(load_settings(stack.environment), lines, pairs))
        finally:
            stack.stop()


if __name__ == "__main__":
    main()
