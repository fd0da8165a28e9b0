"""One face over the library's synchronous and asynchronous calls: a step is written once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import requests
import stripe

from tests.e2e.sandbox.recording import (
    Recorder,
    RecordingAIOHTTPClient,
    RecordingRequestsClient,
)

MODES = ("sync", "async")
TIMEOUT_SECONDS = 10.0
# Refusals that Stripe logs for the account; with a wrong key (401, 403) there is none.
LOGGED = (400, 402, 404)


class Service:
    """A service of StripeClient whose every method is awaited, whatever the mode."""

    def __init__(self, service: Any, mode: str) -> None:
        self._service = service
        self._mode = mode

    def __getattr__(self, operation: str) -> Callable[..., Awaitable[Any]]:
        if self._mode == "async":
            method: Callable[..., Awaitable[Any]] = getattr(self._service, f"{operation}_async")
            return method
        blocking = getattr(self._service, operation)

        async def call(*arguments: Any, **options: Any) -> Any:
            return await asyncio.to_thread(blocking, *arguments, **options)

        return call


class Api:
    """StripeClient.v1 by service name: `await api.refunds.create({...})`."""

    def __init__(
        self,
        client: stripe.StripeClient,
        mode: str,
        recorder: Recorder,
        *,
        url: str,
        key: str,
        session: aiohttp.ClientSession,
    ) -> None:
        self.client = client
        self.mode = mode
        self.recorder = recorder
        self.url = url
        self.key = key
        self.raw_session = session

    def __getattr__(self, service: str) -> Service:
        return Service(getattr(self.client.v1, service), self.mode)

    @property
    def fee_refunds(self) -> Service:
        """The refunds of application fees, a service below a service."""
        return Service(self.client.v1.application_fees.refunds, self.mode)

    async def every(self, page: Any) -> list[Any]:
        """All objects from this page onwards, as the library's own iterator walks them."""
        if self.mode == "async":
            return [item async for item in page.auto_paging_iter()]
        return await asyncio.to_thread(lambda: list(page.auto_paging_iter()))


def new_key() -> str:
    """A secret key that no other test uses: its own Stripe account."""
    return f"sk_test_{uuid4().hex}"


@asynccontextmanager
async def connected(
    url: str,
    mode: str,
    recorder: Recorder,
    key: str,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    retries: int = 0,
) -> AsyncIterator[Api]:
    """The library, unmodified, pointed at the sandbox; its own retries off unless asked for."""
    async with aiohttp.ClientSession() as session:
        with requests.Session() as blocking_session:
            client = stripe.StripeClient(
                key,
                base_addresses={"api": url},
                max_network_retries=retries,
                http_client=(
                    RecordingAIOHTTPClient(
                        recorder,
                        session=session,
                        timeout=aiohttp.ClientTimeout(total=timeout_seconds),
                    )
                    if mode == "async"
                    else RecordingRequestsClient(
                        recorder, session=blocking_session, timeout=timeout_seconds
                    )
                ),
            )
            yield Api(client, mode, recorder, url=url, key=key, session=session)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the library raised, in the terms of Stripe's error object."""

    error: stripe.StripeError
    body: Any

    @property
    def kind(self) -> type[stripe.StripeError]:
        """The class of the library's exception."""
        return type(self.error)

    @property
    def facts(self) -> tuple[int | None, str, str | None, str | None]:
        """(HTTP status, error.type, error.code, error.param)."""
        body = self.body
        return self.error.http_status, body["type"], body.get("code"), body.get("param")


async def refused(call: Awaitable[Any]) -> Refusal:
    """The refusal that this call must end in, with what every error of Stripe has checked."""
    with pytest.raises(stripe.StripeError) as caught:
        await call
    error = caught.value
    answer: Any = error.json_body
    assert answer, f"no error body: {error!r}"
    body = answer["error"]
    assert body["message"], "an error says what is wrong"
    assert error.headers is not None
    assert error.request_id
    if error.http_status in LOGGED:
        # A replay points to the log of the request that was really carried out.
        logged = {name.lower(): value for name, value in error.headers.items()}
        assert logged.get("original-request", error.request_id) in body["request_log_url"]
    if "code" in body:
        assert body["doc_url"].endswith("/error-codes/" + body["code"].replace("_", "-"))
    return Refusal(error, body)
