"""Whose events an endpoint hears: found by what the delivery names, remembered for seconds."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Generic, Protocol, TypeVar

from domain.endpoint_secrets import EndpointSecret, EndpointSecretStore
from domain.ids import Prefix, is_id
from domain.payment import GatewayType
from domain.ports import Clock, TenantStore

REMEMBERED_SECONDS = 5.0
"""How old what is known of an endpoint may be, and that there is none: so late is a new secret
believed, and no earlier does a forged delivery to the same place ask the database again."""

REMEMBERED_MAX = 4096
"""Answers that are remembered, and as many times that there was none."""

ASKING_MAX = 2
"""Questions that may be before the database at once: deliveries to endpoints that are made up take
no more of its connections than these. As many more are for endpoints that were there before."""

STRANGERS_MAX = 512
"""Questions about endpoints that were never there which may wait for their turn."""

Found = TypeVar("Found")
_Answers = OrderedDict[tuple[str, bool], tuple[float, Found]]


class TooManyAsk(Exception):
    """More deliveries to unknown endpoints wait for an answer than may."""


class EndpointWork(Protocol):
    """One transaction."""

    @property
    def endpoint_secrets(self) -> EndpointSecretStore: ...
    @property
    def tenants(self) -> TenantStore: ...


class EndpointDatabase(Protocol):
    """Opens transactions that have no tenant yet."""

    def begin_across_tenants(self) -> AbstractAsyncContextManager[EndpointWork]: ...


class EndpointService:
    """What a delivery's endpoint, or the account that it names, leads to. `livemode` is the mode of
    the platform's key."""

    def __init__(self, database: EndpointDatabase, clock: Clock, *, livemode: bool) -> None:
        self._database = database
        self._clock = clock
        self._livemode = livemode
        self._platform_id: str | None = None
        self._accounts = Asked(self._ask_account)
        self._endpoints = Asked(self._ask_secrets)

    async def platform_gateway_id(self) -> str:
        """The gateway row of the platform's own endpoint, of the mode of its key. Raises
        DatabaseUnavailable."""
        if self._platform_id is None:
            async with self._database.begin_across_tenants() as work:
                platform = await work.tenants.platform_gateway(
                    GatewayType.STRIPE, livemode=self._livemode
                )
            self._platform_id = platform.id
        return self._platform_id

    async def connected_gateway_id(self, account_id: str, *, livemode: bool) -> str | None:
        """The row of a connected account, None for an unknown one. A row of the other mode is found
        too: the event is then stored and IGNORED, as live Connect endpoints hear test events
        (docs.stripe.com/connect/webhooks). Raises DatabaseUnavailable and TooManyAsk."""
        return await self._accounts.get((account_id, livemode))

    async def own_secrets(self, gateway_id: str) -> Sequence[EndpointSecret]:
        """The secrets of a tenant's own endpoint; none of one that does not exist, or whose tenant
        is switched off. Raises DatabaseUnavailable and TooManyAsk."""
        if not is_id(gateway_id, Prefix.GATEWAY):
            return ()
        return await self._endpoints.get((gateway_id, False))

    async def _ask_account(self, key: tuple[str, bool]) -> str | None:
        account_id, livemode = key
        async with self._database.begin_across_tenants() as work:
            for mode in (livemode, not livemode):
                row = await work.tenants.gateway_by_account(account_id, livemode=mode)
                if row is not None:
                    return row.id
        return None

    async def _ask_secrets(self, key: tuple[str, bool]) -> Sequence[EndpointSecret]:
        gateway_id, _ = key
        async with self._database.begin_across_tenants() as work:
            return tuple(await work.endpoint_secrets.of_gateway(gateway_id, self._clock.now()))


class Asked(Generic[Found]):
    """Answers kept for REMEMBERED_SECONDS, at most REMEMBERED_MAX of them, the oldest leaving
    first. A question that several have is asked once; one that fails is not remembered.

    Whoever makes endpoints up asks beside those that exist, not before them: what was not found is
    remembered apart, so that it drives nothing out that was, and waits in a queue of its own, which
    has an end.
    """

    def __init__(
        self,
        ask: Callable[[tuple[str, bool]], Awaitable[Found]],
        *,
        strangers_max: int = STRANGERS_MAX,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._strangers_max = strangers_max
        self._strangers = 0
        self._room = asyncio.Semaphore(ASKING_MAX)
        self._room_for_strangers = asyncio.Semaphore(ASKING_MAX)
        self._found: _Answers[Found] = OrderedDict()
        self._not_found: _Answers[Found] = OrderedDict()
        self._asking: dict[tuple[str, bool], asyncio.Task[Found]] = {}

    async def get(self, key: tuple[str, bool]) -> Found:
        """The answer, at most REMEMBERED_SECONDS old. Raises TooManyAsk."""
        known = self._found.get(key) or self._not_found.get(key)
        if known is not None and self._monotonic() < known[0]:
            return known[1]
        asking = self._asking.get(key)
        if asking is None:
            asking = self._question(key)
            self._asking[key] = asking
            asking.add_done_callback(lambda _: self._asking.pop(key))
        # Shielded: one who goes away must not take the answer from the others who wait for it.
        return await asyncio.shield(asking)

    def _question(self, key: tuple[str, bool]) -> asyncio.Task[Found]:
        if key in self._found:
            return asyncio.create_task(self._answered(key, self._room))
        if self._strangers >= self._strangers_max:
            raise TooManyAsk
        self._strangers += 1
        asking = asyncio.create_task(self._answered(key, self._room_for_strangers))
        asking.add_done_callback(self._met)
        return asking

    def _met(self, _: asyncio.Task[Found]) -> None:
        self._strangers -= 1

    async def _answered(self, key: tuple[str, bool], room: asyncio.Semaphore) -> Found:
        async with room:
            until = self._monotonic() + REMEMBERED_SECONDS
            found = await self._ask(key)
        self._found.pop(key, None)
        self._not_found.pop(key, None)
        answers = self._found if found else self._not_found
        answers[key] = (until, found)
        if len(answers) > REMEMBERED_MAX:
            answers.popitem(last=False)
        return found
