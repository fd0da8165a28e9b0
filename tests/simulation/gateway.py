"""The real adapter and the real library, with the sandbox's core behind them in the same process.

What can go wrong between them is drawn at each call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import stripe

from domain.gateways.stripe_balance import StripeBalance
from domain.gateways.stripe_calls import API_VERSION
from domain.gateways.stripe_events import StripeEventList
from sandbox.core import Sandbox
from sandbox.faults import Fault, Kind
from sandbox.wire import Request, Response
from tests.simulation.turns import Turns, current

KEY = "sk_test_simulated"

LATE_MAX_SECONDS = 540.0
"""How late a request may arrive after its caller gave it up: within the ten minutes after which the
settler takes what is not there for what never will be."""

PATIENCE_SECONDS = 15.0
"""How long a caller waits for the gateway at most."""

_ANYTHING = "http://sandbox.test"


class CallFault(StrEnum):
    """How a call goes wrong."""

    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    LOST_BEFORE = "lost_before"
    LOST_AFTER = "lost_after"
    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    STORED_ERROR = "stored_error"
    GARBLED = "garbled"
    LATE = "late"


_OF_SANDBOX = {
    CallFault.RATE_LIMITED: Kind.RATE_LIMIT,
    CallFault.ERROR_BEFORE: Kind.ERROR_BEFORE,
    CallFault.STORED_ERROR: Kind.ERROR_AFTER,
}


_OF_ANY_GATEWAY = [
    each for each in CallFault if each not in {CallFault.LATE, CallFault.STORED_ERROR}
]


@dataclass(slots=True)
class Luck:
    """How often a call goes wrong, and whether the gateway keeps its keys."""

    fault_chance: float
    keeps_keys: bool

    @property
    def faults(self) -> list[CallFault]:
        """What may be drawn. A gateway that forgets keys would do a late request twice, whatever
        its caller does, and stores no error under them."""
        of_keys = [*([CallFault.LATE] * 6), CallFault.STORED_ERROR]
        return [*_OF_ANY_GATEWAY, *(of_keys if self.keeps_keys else ())]


class SimulatedHttp(stripe.HTTPClient):
    """Implements the library's transport: calls go to the core, each at a point."""

    name = "simulated"

    def __init__(self, sandbox: Sandbox, turns: Turns, luck: Luck) -> None:
        super().__init__()
        self._sandbox = sandbox
        self._turns = turns
        self._luck = luck
        self.late: list[tuple[float, Request]] = []

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """One call, or what goes wrong with it. Raises APIConnectionError."""
        begun = self._sandbox.world.now()
        await self._turns.point(f"{method} {urlsplit(url).path}")
        if self._sandbox.world.now() - begun > PATIENCE_SECONDS:
            raise _lost("the caller hung up before it was sent")
        request = _request(method, url, headers or {}, post_data)
        fault = self._drawn(request)
        if fault is not None and (actor := current()):
            actor.trail.append(fault.value)
        self._lose_before(request, fault)
        response = self._handled(request, fault)
        self._turns.passing("the gateway has done it")
        if fault is CallFault.LOST_AFTER:
            raise _lost("the answer was lost")
        if fault is CallFault.ERROR_AFTER:
            return b'{"error": {"type": "api_error", "message": "drawn"}}', 500, response.headers
        if fault is CallFault.GARBLED:
            return response.body[: len(response.body) // 2], 200, response.headers
        return response.body, response.status, response.headers

    def _lose_before(self, request: Request, fault: CallFault | None) -> None:
        if fault is CallFault.REFUSED:
            raise _lost("refused") from aiohttp.ConnectionTimeoutError()
        if fault is CallFault.LOST_BEFORE:
            raise _lost("lost on its way")
        if fault is CallFault.LATE:
            self.late.append((self._sandbox.world.now(), request))
            raise _lost("nobody answered in time")

    def arrive_late(self) -> None:
        """The oldest request that was given up by its caller is carried out now."""
        _, request = self.late.pop(0)
        self._handled(request, None)

    def arrive_before(self, now: float) -> None:
        """Those that would be on their way for longer than LATE_MAX_SECONDS by then arrive now."""
        while self.late and now - self.late[0][0] > LATE_MAX_SECONDS:
            self.arrive_late()

    def _drawn(self, request: Request) -> CallFault | None:
        actor = current()
        if actor is None or actor.chance.random() >= self._luck.fault_chance:
            return None
        fault = actor.chance.choice(self._luck.faults)
        return None if fault is CallFault.LATE and request.method != "POST" else fault

    def _handled(self, request: Request, fault: CallFault | None) -> Response:
        kind = _OF_SANDBOX.get(fault) if fault else None
        if kind is None and not self._luck.keeps_keys:
            kind = Kind.IGNORE_KEYS
        if kind is not None:
            self._sandbox.faults.order(Fault("call", kind, times=1))
        response = self._sandbox.handle(request)
        self._sandbox.faults.withdraw("call")
        return response

    async def close_async(self) -> None:
        """Nothing is open."""


class SimulatedStripe(StripeEventList):
    """The adapter over that transport."""

    def __init__(self, http: SimulatedHttp) -> None:
        super().__init__(secret_key=KEY, api_base=_ANYTHING)
        self._client = _client_over(http)


class SimulatedBalance(StripeBalance):
    """The reconciliation's, over the same."""

    def __init__(self, http: SimulatedHttp) -> None:
        super().__init__(secret_key=KEY, api_base=_ANYTHING, pause_seconds=0.0)
        self._client = _client_over(http)


def _client_over(http: SimulatedHttp) -> stripe.StripeClient:
    return stripe.StripeClient(
        KEY,
        http_client=http,
        stripe_version=API_VERSION,
        base_addresses={"api": _ANYTHING},
        max_network_retries=0,
    )


def _request(method: str, url: str, headers: Mapping[str, str], post_data: Any) -> Request:
    parts = urlsplit(url)
    lower = {name.lower(): str(value) for name, value in headers.items()}
    body = post_data.encode() if isinstance(post_data, str) else post_data or b""
    return Request(method.upper(), parts.path, parts.query, lower, body)


def _lost(why: str) -> stripe.APIConnectionError:
    return stripe.APIConnectionError(why)  # type: ignore[no-untyped-call]
