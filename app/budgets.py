"""Budgets: what a tenant, a client and an address may ask for in a minute, in points of cost.

A document pays what it costs before it runs (`schema.limits`), in one round trip to Redis. While
Redis is away each process counts by itself, and no request waits for it or is refused because of
it. A refused document and a failed log-in count too. What one tenant spends is no other's. See
docs/adr/0010.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_network

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError
from starlette.requests import Request

from app.admission import Door
from app.proxies import read_address
from app.refusal import Refusal
from app.settings import Settings
from app.windows import Charge, LocalWindows, RedisWindows, Standing, Taken, Windows
from domain.caller import Caller
from domain.errors import Unauthenticated
from schema.budget import BudgetSpent
from schema.codes import RequestErrorCode
from schema.limits import REFUSED_COST
from webhooks.throttled import ThrottledLog

SECONDS_MAX = 0.2
"""How long a request may be held up by Redis."""

PAUSE_SECONDS = 5.0
"""How long Redis is left alone after it failed; then one request tries it again."""

BYTES_A_POINT = 4096
"""A body is read, parsed and searched for card data whatever it asks for: so much of it costs a
point more."""

CONNECTIONS_MAX = 32

IPV6_PREFIX = 64
"""Bits of an IPv6 address that name its subscriber, who has all addresses below (RFC 6177)."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Points a minute; 0 where nothing is counted. `checkout` is for each order that shoppers pay,
    who together have half of their tenant's; `failures` counts an address's failed log-ins and,
    apart from them, a client's refused documents, one point each."""

    tenant: int = 0
    client: int = 0
    checkout: int = 0
    address: int = 0
    failures: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Rates:
        """What the settings say."""
        return cls(
            tenant=settings.rate_tenant,
            client=settings.rate_client,
            checkout=settings.rate_checkout,
            address=settings.rate_address,
            failures=settings.rate_failures,
        )


class Budgets:
    """Takes charges, in Redis where it answers."""

    def __init__(
        self,
        rates: Rates,
        shared: Windows,
        local: LocalWindows | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        seconds_max: float = SECONDS_MAX,
    ) -> None:
        self.rates = rates
        self._shared = shared
        self._local = local or LocalWindows()
        self._monotonic = monotonic
        self._seconds_max = seconds_max
        self._log = ThrottledLog(logging.getLogger(__name__), monotonic=monotonic)
        self._is_away = False
        self._paused_until = float("-inf")

    async def take(self, charges: Sequence[Charge]) -> Taken:
        """Takes all charges, or none. Never raises for Redis, and waits at most `seconds_max`."""
        if not charges:
            return Taken(fits=True, standings=())
        if self._monotonic() >= self._paused_until:
            if self._is_away:
                self._pause()  # the others go on without Redis while this one tries it
            try:
                async with asyncio.timeout(self._seconds_max):
                    taken = await self._shared.take(charges)
            except (RedisError, OSError, TimeoutError) as away:
                self._is_away = True
                self._pause()
                self._log.warning(
                    f"requests are counted by each process: {type(away).__name__}: {away}"
                )
            else:
                self._is_away, self._paused_until = False, float("-inf")
                return taken
        return await self._local.take(charges)

    async def count_failure(self, address: str) -> None:
        """Counts a failed log-in. Raises Refusal (429) where the address had too many."""
        taken = await self.take([*self.of_address(address, REFUSED_COST), *self.failure(address)])
        if not taken.fits:
            raise too_many(_seconds(taken))

    async def close(self) -> None:
        """Closes the connections to Redis."""
        await self._shared.close()

    def of_address(self, address: str, cost: int) -> list[Charge]:
        """The charge to an address."""
        return _charge("address", address, self.rates.address, cost)

    def failure(self, address: str) -> list[Charge]:
        """One failure of an address."""
        return _charge("failures", address, self.rates.failures, 1)

    def refusal(self, client: str) -> list[Charge]:
        """One refused document of a client. Not of its address: strangers there who fail to log in
        would keep it from learning what is wrong, and from sending what it names."""
        return _charge("refusals", client, self.rates.failures, 1)

    def _pause(self) -> None:
        self._paused_until = self._monotonic() + PAUSE_SECONDS


@dataclass(slots=True)
class Purse:
    """Implements `schema.budget.Budget` for one request of a caller from an address. `cost` is the
    document's, `weight` what its body's length adds."""

    budgets: Budgets
    caller: Caller
    address: str
    cost: int = 1
    weight: int = 0
    has_paid: bool = False
    standings: Sequence[Standing] = field(default_factory=tuple)

    async def spend(self) -> None:
        """Takes the cost. Raises BudgetSpent."""
        await self._take(self._charges())

    async def pay_refusal(self) -> None:
        """Takes what a refused document costs, and counts it, unless it has paid already. Raises
        BudgetSpent."""
        if self.has_paid:
            return
        self.cost = REFUSED_COST
        await self._take([*self._charges(), *self.budgets.refusal(self._client)])

    def told(self) -> dict[str, object]:
        """`extensions.cost`: the budget that has least left; nulls where nothing is counted."""
        own = [at for at in self.standings if at.charge.kind != "refusals"]
        tightest = min(own, key=lambda at: at.remaining, default=None)
        told: dict[str, object] = {
            "requested": self.cost + self.weight,
            "limit": None,
            "remaining": None,
            "resetAt": None,
        }
        if tightest is not None:
            whole = datetime.now(UTC) + timedelta(seconds=math.ceil(tightest.seconds_until_whole))
            told |= {
                "limit": tightest.charge.limit,
                "remaining": tightest.remaining,
                "resetAt": whole.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        return told

    async def _take(self, charges: Sequence[Charge]) -> None:
        self.has_paid = True
        taken = await self.budgets.take(charges)
        self.standings = taken.standings
        if not taken.fits:
            raise BudgetSpent(_seconds(taken))

    def _charges(self) -> list[Charge]:
        caller, rates, cost = self.caller, self.budgets.rates, self.cost + self.weight
        tenant = self._tenant
        charges = _charge("tenant", tenant, rates.tenant, cost) if tenant else []
        if caller.order_id is not None:
            charges += _charge("checkout", caller.order_id, rates.checkout, cost)
            # anybody who fills carts has orders: they leave the merchant's own programs the rest
            charges += _charge("shoppers", tenant or "", (rates.tenant + 1) // 2, cost)
        else:
            charges += _charge("client", self._client, rates.client, cost)
        return charges + self.budgets.of_address(self.address, cost)

    @property
    def _tenant(self) -> str | None:
        # what the platform's people do within a tenant is not that tenant's to pay
        return self.caller.tenant_id if self.caller.reason is None else None

    @property
    def _client(self) -> str:
        return self.caller.order_id or _digest(f"{self._tenant}|{self.caller.subject}")


class CountedDoor:
    """Implements `Door`, and counts by address who is not let in.

    A good token is let in whatever else comes from its address, which it may share with strangers;
    there is nothing to guess in a signature.
    """

    def __init__(self, door: Door, budgets: Budgets) -> None:
        self._door = door
        self._budgets = budgets

    async def admit(self, request: Request) -> Caller:
        """The caller. Raises what the door does, and Refusal (429)."""
        try:
            return await self._door.admit(request)
        except Unauthenticated:
            await self._budgets.count_failure(address_of(request))
            raise


def redis_windows(redis_url: str) -> RedisWindows:
    """Windows in Redis that connect on first use."""
    pool = BlockingConnectionPool.from_url(
        redis_url,
        max_connections=CONNECTIONS_MAX,
        timeout=SECONDS_MAX,
        socket_connect_timeout=SECONDS_MAX,
    )
    return RedisWindows(Redis(connection_pool=pool))


def address_of(request: Request) -> str:
    """The digest of the address that the request came from, of its network for IPv6."""
    host = request.client.host if request.client else ""
    address = read_address(host)
    if isinstance(address, IPv6Address):
        host = str(ip_network((address, IPV6_PREFIX), strict=False))
    return _digest(host)


def too_many(seconds: int) -> Refusal:
    """The answer to who must wait."""
    return Refusal(
        429,
        "Too many requests. Wait, then send it again.",
        RequestErrorCode.RATE_LIMITED,
        {"Retry-After": str(seconds)},
        told={"retryAfterSeconds": seconds},
    )


def _charge(kind: str, name: str, limit: int, cost: int) -> list[Charge]:
    # what costs more than the whole budget takes all of it, so that it may come at all
    return [Charge(kind, name, limit, min(cost, limit))] if limit else []


def _seconds(taken: Taken) -> int:
    """Until everything fits, 1 at least."""
    return max(math.ceil(max(at.seconds_until_fits for at in taken.standings)), 1)


def _digest(name: str) -> str:
    """A name that may be personal, as it is kept."""
    return hashlib.blake2b(name.encode(), digest_size=12).hexdigest()
