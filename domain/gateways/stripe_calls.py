"""Single calls of Stripe: over the library's raw requests and aiohttp, never retried.

Only the fields that are read are taken: building the library's typed objects costs several times
the call itself. The library's own retries are off, since exactly one layer of Tollgate retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import aiohttp
import stripe

from domain.checkpoint import Checkpoint, checkpoint
from domain.errors import GatewayListTooLong, GatewayUnreached
from domain.gateways import stripe_requests
from domain.gateways.stripe_answers import read_one, read_page
from domain.gateways.stripe_errors import UNREADABLE, gateway_problem
from domain.gateways.stripe_fields import Json
from domain.operation import UNREADABLE_REQUEST, GatewayRequest
from domain.tenant import GatewayAccount

API_VERSION: Final = "2026-10-28.endive"
"""The pinned version: what the library speaks, what webhook endpoints must be created with."""

CONNECT_SECONDS: Final = 2.0
"""How long a connection may take to be made."""

_PAGE: Final = 100
_PAGES_MAX: Final = 100

Snapshot = TypeVar("Snapshot")


class StripeCalls:
    """The connections, and the calls made over them with an account's credentials."""

    def __init__(self, *, secret_key: str, api_base: str, connections_max: int = 100) -> None:
        self._secret_key = secret_key
        self._api_base = api_base.rstrip("/")
        self._connections_max = connections_max
        self._client: stripe.StripeClient | None = None
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
        self._client = self._session = None

    async def _send(
        self,
        account: GatewayAccount,
        request: GatewayRequest,
        *,
        key: str,
        timeout_seconds: float,
        read: Callable[[Json], Snapshot],
    ) -> tuple[Snapshot, str | None]:
        if request == UNREADABLE_REQUEST:
            raise GatewayUnreached(
                "the stored request cannot be read", gateway_code=stripe_requests.UNREADABLE_CODE
            )
        options = self._options(account) | {"idempotency_key": key}
        response = await self._call(
            "post", request.path, request.parameters, options, timeout_seconds
        )
        checkpoint(Checkpoint.REPLIED)
        return read_one(response, read), response.request_id

    async def _read(
        self,
        account: GatewayAccount,
        path: str,
        parameters: Mapping[str, object],
        *,
        timeout_seconds: float,
        read: Callable[[Json], Snapshot],
    ) -> Snapshot:
        options = self._options(account)
        response = await self._call("get", path, parameters, options, timeout_seconds)
        return read_one(response, read)

    async def _list(
        self,
        account: GatewayAccount,
        path: str,
        parameters: Mapping[str, object],
        *,
        timeout_seconds: float,
        read: Callable[[Json], Snapshot],
    ) -> list[Snapshot]:
        found: list[Snapshot] = []
        cursor: dict[str, object] = {}
        for _ in range(_PAGES_MAX):
            response = await self._call(
                "get",
                path,
                {**parameters, **cursor, "limit": _PAGE},
                self._options(account),
                timeout_seconds,
            )
            snapshots, last_id = read_page(response, read)
            found += snapshots
            if last_id is None:
                return found
            cursor = {"starting_after": last_id}
        raise GatewayListTooLong(f"more than {_PAGES_MAX} pages of {path}")

    async def _call(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, object],
        options: Mapping[str, str],
        timeout_seconds: float,
    ) -> stripe.StripeResponse:
        try:
            async with asyncio.timeout(timeout_seconds):
                response: stripe.StripeResponse = await self._stripe().raw_request_async(
                    method, path, **parameters, **options
                )
        except (stripe.StripeError, *UNREADABLE) as error:
            raise gateway_problem(error) from error
        return response

    def _options(self, account: GatewayAccount) -> dict[str, str]:
        return stripe_requests.credentials(account, self._secret_key)

    def _stripe(self) -> stripe.StripeClient:
        # Made on first use: aiohttp binds its connections to the running loop.
        if self._client is None:
            connector = aiohttp.TCPConnector(limit=self._connections_max)
            self._session = aiohttp.ClientSession(connector=connector)
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
            self._client = stripe.StripeClient(
                self._secret_key,
                http_client=stripe.AIOHTTPClient(timeout=timeout, session=self._session),
                stripe_version=API_VERSION,
                base_addresses={"api": self._api_base},
                max_network_retries=0,
            )
        return self._client
