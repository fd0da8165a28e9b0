"""Stripe behind the gateway port.

Calls go through the library's raw requests over aiohttp, and only the fields that are read are
taken: building the library's typed objects costs several times the call itself. The library's own
retries are off, since exactly one layer of Tollgate retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

import aiohttp
import stripe

from domain.errors import GatewayUnknown, GatewayUnreached
from domain.gateway import AccountFacts, IntentReply, RefundReply
from domain.gateways import stripe_requests
from domain.gateways.stripe_answers import read_one, read_page
from domain.gateways.stripe_errors import UNREADABLE, gateway_problem
from domain.gateways.stripe_fields import Json
from domain.gateways.stripe_objects import (
    account_facts,
    dispute_snapshot,
    intent_snapshot,
    refund_snapshot,
)
from domain.operation import UNREADABLE_REQUEST, GatewayRequest
from domain.payment import Payment
from domain.refund import Refund
from domain.snapshot import DisputeSnapshot, IntentSnapshot, RefundSnapshot
from domain.tenant import GatewayAccount, GatewayMode

API_VERSION: Final = "2026-10-28.endive"
"""The pinned version: what the library speaks, what webhook endpoints must be created with."""

CONNECT_SECONDS: Final = 2.0
"""How long a connection may take to be made."""

_PAGE: Final = 100
_PAGES_MAX: Final = 100

Snapshot = TypeVar("Snapshot")


class StripeGateway:
    """Implements `domain.gateway.PaymentGateway` for Stripe and the sandbox.

    `secret_key` is the platform's; an account in mode OWN brings its own, one in mode CONNECT is
    named by `Stripe-Account` (docs.stripe.com/connect/direct-charges).
    """

    def __init__(self, *, secret_key: str, api_base: str, connections_max: int = 100) -> None:
        self._secret_key = secret_key
        self._api_base = api_base.rstrip("/")
        self._connections_max = connections_max
        self._client: stripe.StripeClient | None = None
        self._session: aiohttp.ClientSession | None = None

    @property
    def livemode(self) -> bool:
        """Whether the platform's key is a live one."""
        return stripe_requests.is_live_key(self._secret_key)

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
        self._client = self._session = None

    def create_intent_request(
        self,
        payment: Payment,
        *,
        payment_method_ref: str,
        return_url: str | None,
        application_fee: int | None,
    ) -> GatewayRequest:
        return stripe_requests.create_intent(
            payment,
            payment_method_ref=payment_method_ref,
            return_url=return_url,
            application_fee=application_fee,
        )

    def capture_request(
        self, payment: Payment, amount: int, *, application_fee: int | None
    ) -> GatewayRequest:
        return stripe_requests.capture(payment, amount, application_fee=application_fee)

    def cancel_request(self, payment: Payment, *, abandoned: bool) -> GatewayRequest:
        return stripe_requests.cancel(payment, abandoned=abandoned)

    def refund_request(self, payment: Payment, refund: Refund) -> GatewayRequest:
        return stripe_requests.refund(payment, refund)

    async def send_intent(
        self, account: GatewayAccount, request: GatewayRequest, *, key: str, timeout_seconds: float
    ) -> IntentReply:
        snapshot, request_id = await self._send(
            account, request, key=key, timeout_seconds=timeout_seconds, read=intent_snapshot
        )
        return IntentReply(snapshot, request_id)

    async def send_refund(
        self, account: GatewayAccount, request: GatewayRequest, *, key: str, timeout_seconds: float
    ) -> RefundReply:
        snapshot, request_id = await self._send(
            account, request, key=key, timeout_seconds=timeout_seconds, read=refund_snapshot
        )
        return RefundReply(snapshot, request_id)

    def told_intent(
        self, api_version: str | None, told: Mapping[str, object]
    ) -> IntentSnapshot | None:
        if api_version != API_VERSION:
            return None
        try:
            return intent_snapshot(told)
        except UNREADABLE:
            return None

    async def read_intent(
        self, account: GatewayAccount, gateway_payment_id: str, *, timeout_seconds: float
    ) -> IntentSnapshot:
        return await self._read(
            account,
            f"/v1/payment_intents/{gateway_payment_id}",
            {"expand": list(stripe_requests.EXPAND)},
            timeout_seconds=timeout_seconds,
            read=intent_snapshot,
        )

    async def read_refund(
        self, account: GatewayAccount, gateway_refund_id: str, *, timeout_seconds: float
    ) -> RefundSnapshot:
        return await self._read(
            account,
            f"/v1/refunds/{gateway_refund_id}",
            {"expand": list(stripe_requests.EXPAND_REFUND)},
            timeout_seconds=timeout_seconds,
            read=refund_snapshot,
        )

    async def list_intents(
        self,
        account: GatewayAccount,
        *,
        created_from: datetime,
        created_until: datetime,
        timeout_seconds: float,
    ) -> Sequence[IntentSnapshot]:
        span = {"gte": int(created_from.timestamp()), "lte": int(created_until.timestamp())}
        return await self._list(
            account,
            "/v1/payment_intents",
            {"created": span, "expand": [f"data.{field}" for field in stripe_requests.EXPAND]},
            timeout_seconds=timeout_seconds,
            read=intent_snapshot,
        )

    async def list_refunds(
        self, account: GatewayAccount, gateway_payment_id: str, *, timeout_seconds: float
    ) -> Sequence[RefundSnapshot]:
        return await self._list(
            account,
            "/v1/refunds",
            stripe_requests.refunds_of(gateway_payment_id),
            timeout_seconds=timeout_seconds,
            read=refund_snapshot,
        )

    async def read_dispute(
        self, account: GatewayAccount, gateway_dispute_id: str, *, timeout_seconds: float
    ) -> DisputeSnapshot:
        path = f"/v1/disputes/{gateway_dispute_id}"
        return await self._read(
            account, path, {}, timeout_seconds=timeout_seconds, read=dispute_snapshot
        )

    async def list_disputes(
        self, account: GatewayAccount, gateway_payment_id: str, *, timeout_seconds: float
    ) -> Sequence[DisputeSnapshot]:
        return await self._list(
            account,
            "/v1/disputes",
            {"payment_intent": gateway_payment_id},
            timeout_seconds=timeout_seconds,
            read=dispute_snapshot,
        )

    async def check_account(
        self, account: GatewayAccount, *, timeout_seconds: float
    ) -> AccountFacts:
        caller, path = account, "/v1/account"
        if account.mode is GatewayMode.CONNECT:
            # As its platform: what the platform wrote on the account is not the account's to see.
            caller, path = (
                replace(account, mode=GatewayMode.PLATFORM),
                f"{path}s/{account.account_id}",
            )
        return await self._read(
            caller, path, {}, timeout_seconds=timeout_seconds, read=account_facts
        )

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
        raise GatewayUnknown(f"more than {_PAGES_MAX} pages of {path}")

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
