"""Whose events an endpoint hears: found by what the delivery names, remembered for seconds."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Generic, Protocol, TypeVar

from domain.endpoint_secrets import EndpointSecret, EndpointSecretStore
from domain.events import EventService
from domain.ids import Prefix, is_id
from domain.ports import Clock

REMEMBERED_SECONDS = 5.0
"""How old what is known of an endpoint may be, and that there is none: so late is a new secret
believed, and no earlier does a forged delivery to the same place ask the database again."""

REMEMBERED_MAX = 4096
ASKING_MAX = 2
"""Questions that may be before the database at once: deliveries to endpoints that are made up take
no more of its connections than these."""

Found = TypeVar("Found")


class EndpointWork(Protocol):
    """One transaction."""

    @property
    def endpoint_secrets(self) -> EndpointSecretStore: ...


class EndpointDatabase(Protocol):
    """Opens transactions that have no tenant yet."""

    def begin_across_tenants(self) -> AbstractAsyncContextManager[EndpointWork]: ...


class EndpointService:
    """What a delivery's endpoint, or the account that it names, leads to."""

    def __init__(self, events: EventService, database: EndpointDatabase, clock: Clock) -> None:
        self._events = events
        self._database = database
        self._clock = clock
        self._accounts = Asked(self._ask_account)
        self._endpoints = Asked(self._ask_secrets)

    async def platform_gateway_id(self) -> str:
        """The gateway row of the platform's own endpoint. Raises DatabaseUnavailable."""
        return await self._events.platform_gateway_id()

    async def connected_gateway_id(self, account_id: str, *, livemode: bool) -> str | None:
        """The row of a connected account, None for an unknown one. Raises DatabaseUnavailable."""
        return await self._accounts.get((account_id, livemode))

    async def own_secrets(self, gateway_id: str) -> Sequence[EndpointSecret]:
        """The secrets of a tenant's own endpoint; none of one that does not exist, or whose tenant
        is switched off. Raises DatabaseUnavailable."""
        if not is_id(gateway_id, Prefix.GATEWAY):
            return ()
        return await self._endpoints.get((gateway_id, False))

    async def _ask_account(self, key: tuple[str, bool]) -> str | None:
        account_id, livemode = key
        return await self._events.connected_gateway_id(account_id, livemode=livemode)

    async def _ask_secrets(self, key: tuple[str, bool]) -> Sequence[EndpointSecret]:
        gateway_id, _ = key
        async with self._database.begin_across_tenants() as work:
            return tuple(await work.endpoint_secrets.of_gateway(gateway_id, self._clock.now()))


class Asked(Generic[Found]):
    """Answers kept for REMEMBERED_SECONDS, at most REMEMBERED_MAX of them, the oldest leaving
    first. A question that several have is asked once; one that fails is not remembered."""

    def __init__(
        self,
        ask: Callable[[tuple[str, bool]], Awaitable[Found]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._room = asyncio.Semaphore(ASKING_MAX)
        self._known: OrderedDict[tuple[str, bool], tuple[float, Found]] = OrderedDict()
        self._asking: dict[tuple[str, bool], asyncio.Task[Found]] = {}

    async def get(self, key: tuple[str, bool]) -> Found:
        """The answer, at most REMEMBERED_SECONDS old."""
        known = self._known.get(key)
        if known is not None and self._monotonic() < known[0]:
            return known[1]
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.create_task(self._find(key))
            self._asking[key] = asking
            asking.add_done_callback(lambda _: self._asking.pop(key))
        # Shielded: one who goes away must not take the answer from the others who wait for it.
        return await asyncio.shield(asking)

    async def _find(self, key: tuple[str, bool]) -> Found:
        async with self._room:
            until = self._monotonic() + REMEMBERED_SECONDS
            found = await self._ask(key)
        self._known[key] = (until, found)
        self._known.move_to_end(key)
        if len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)
        return found
