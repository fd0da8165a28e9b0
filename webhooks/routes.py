"""What Stripe calls: verify the raw bytes, store once, answer, wake the worker.

Nothing is parsed before its signature was checked, nothing is answered 200 before it is durable,
and a refusal leaves no row.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from domain.bound import bind
from domain.endpoint_secrets import EndpointSecret, in_force
from domain.endpoints import EndpointService, TooManyAsk
from domain.measures import Measures, WebhookRefusal
from domain.ports import Clock, DatabaseUnavailable
from domain.receiving import Delivery, ReceivingService
from webhooks.batching import Batches, Overloaded
from webhooks.body import BODY_SECONDS_MAX, Refused, check_media, read_body
from webhooks.envelope import Envelope, UnreadableBody, delivery_of, named_payment_id, read_envelope
from webhooks.signature import is_signed
from webhooks.throttled import ThrottledLog

RETRY_AFTER_SECONDS = "5"

LARGE_BYTES = 32 * 1024
"""A body beyond this is read in a thread. A tenant may sign one that takes a tenth of a second to
read, and must not hold up everybody else's requests with it."""

UNREADABLE_WAITING_MAX = 64
"""Signed bodies that JSONB cannot hold and that wait: each has a commit of its own, one after the
other, so that whoever sends many of them keeps up nobody but himself."""

_NOBODYS = "whsec_of_nobody"
"""Compared with where an endpoint has no secret, so that the answer takes as long as any other."""

_SECRETS_MIN = 2
"""Secrets compared with at least: an endpoint in the middle of a renewal has two."""


class StripeEndpoints:
    """The platform's endpoint, which hears its own account and, under secrets of their own, the
    connected accounts; and an endpoint for each account of a tenant's own."""

    def __init__(
        self,
        endpoints: EndpointService,
        receiving: ReceivingService,
        secrets: Sequence[EndpointSecret],
        connect_secrets: Sequence[EndpointSecret],
        clock: Clock,
        measures: Measures,
        *,
        body_seconds_max: float = BODY_SECONDS_MAX,
    ) -> None:
        self._endpoints = endpoints
        self._receiving = receiving
        self._secrets = tuple(secrets)
        self._connect_secrets = tuple(connect_secrets)
        self._clock = clock
        self._measures = measures
        self._body_seconds_max = body_seconds_max
        self._batches = Batches(receiving.receive)
        self._unreadable = Batches(
            receiving.receive_unreadable,
            batch_max=1,
            in_flight_max=1,
            waiting_max=UNREADABLE_WAITING_MAX,
        )
        self._refusals = ThrottledLog(logging.getLogger(__name__))
        self._outages = ThrottledLog(logging.getLogger(__name__))

    async def of_platform(self, request: Request) -> Response:
        """Answers one delivery to the platform's endpoint: 200 stored, 503 try again, 4xx refused.
        404 where no secret is in force."""
        return await self._answered(request, self._read_of_platform)

    async def of_tenant(self, request: Request) -> Response:
        """The same for the endpoint of a tenant's own account. One that does not exist, or has no
        secret, or a tenant that is switched off, is answered as a wrong signature is."""
        return await self._answered(request, self._read_of_tenant)

    async def drain(self) -> None:
        """Waits until all that was accepted is stored and the worker was woken for it."""
        await self._batches.drain()
        await self._unreadable.drain()
        await self._receiving.drain()

    async def _answered(
        self, request: Request, read: Callable[[Request], Awaitable[Delivery]]
    ) -> Response:
        try:
            delivery = await read(request)
            await (self._unreadable if delivery.document is None else self._batches).add(delivery)
        except Refused as refused:
            self._measures.webhook_refused(refused.reason)
            self._refusals.warning(f"webhook refused with {refused.status}: {refused}")
            return Response(status_code=refused.status)
        except (DatabaseUnavailable, Overloaded, TooManyAsk) as away:
            is_full = not isinstance(away, DatabaseUnavailable)
            self._measures.webhook_refused(
                WebhookRefusal.OVERLOADED if is_full else WebhookRefusal.DATABASE_UNAVAILABLE
            )
            self._outages.warning(f"webhook not stored: {'too many wait' if is_full else away}")
            return Response(status_code=503, headers={"Retry-After": RETRY_AFTER_SECONDS})
        return Response(status_code=200)

    async def _read_of_platform(self, request: Request) -> Delivery:
        now = self._clock.now()
        secrets = in_force(self._secrets, now)
        connect_secrets = in_force(self._connect_secrets, now)
        if not secrets and not connect_secrets:
            raise Refused(404, WebhookRefusal.NO_SECRET, "no webhook secret is in force")
        check_media(request)
        body = await read_body(request, self._body_seconds_max)
        is_connect = self._is_of_connect(request, body, secrets, connect_secrets)
        envelope = await _read(body)
        gateway_id = (
            await self._connected_gateway_id(envelope)
            if is_connect
            else await self._endpoints.platform_gateway_id()
        )
        return self._delivery(body, envelope, gateway_id)

    def _is_of_connect(
        self, request: Request, body: bytes, secrets: Sequence[str], connect_secrets: Sequence[str]
    ) -> bool:
        """Whether a Connect secret signed the body, rather than the platform's."""
        header, now = request.headers.get("stripe-signature"), self._clock.now().timestamp()
        if is_signed(body, header, secrets, now):
            return False
        if is_signed(body, header, connect_secrets, now):
            return True
        raise _unsigned()

    async def _connected_gateway_id(self, envelope: Envelope) -> str:
        # the account an event names counts only under a Connect secret
        if envelope.account is None:
            raise Refused(400, WebhookRefusal.UNKNOWN_ACCOUNT, "a Connect event names no account")
        found = await self._endpoints.connected_gateway_id(
            envelope.account, livemode=envelope.livemode
        )
        if found is None:
            raise Refused(
                400, WebhookRefusal.UNKNOWN_ACCOUNT, "a Connect event names an unknown account"
            )
        return found

    async def _read_of_tenant(self, request: Request) -> Delivery:
        check_media(request)
        body = await read_body(request, self._body_seconds_max)
        gateway_id = request.path_params["gateway_id"]
        now = self._clock.now()
        secrets = list(in_force(await self._endpoints.own_secrets(gateway_id), now))
        is_heard = bool(secrets)
        secrets += [_NOBODYS] * (_SECRETS_MIN - len(secrets))
        header = request.headers.get("stripe-signature")
        if not is_signed(body, header, secrets, now.timestamp()) or not is_heard:
            raise _unsigned()
        envelope = await _read(body)
        # Whatever account the event names: the URL and the secret say whose it is.
        return self._delivery(body, envelope, gateway_id)

    def _delivery(self, body: bytes, envelope: Envelope, gateway_id: str) -> Delivery:
        delivery = delivery_of(envelope, gateway_id, self._clock.now(), size=len(body))
        # For the request's line and its trace. The log calls no payment by `payment_id` for what a
        # body says: a tenant that signs its own may name anybody's.
        bind(event_id=delivery.event_id, named_payment_id=named_payment_id(envelope))
        return delivery


class _Answered:
    """An application that answers by `answer`. A function as the endpoint would be wrapped twice
    more, which costs a tenth of a delivery's time."""

    def __init__(self, answer: Callable[[Request], Awaitable[Response]]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)


def routes(endpoints: StripeEndpoints) -> list[Route]:
    """The webhook routes."""
    of_platform, of_tenant = _Answered(endpoints.of_platform), _Answered(endpoints.of_tenant)
    return [
        Route("/api/webhooks/stripe", of_platform, methods=["POST"]),
        Route("/api/webhooks/stripe/{gateway_id}", of_tenant, methods=["POST"]),
    ]


def _unsigned() -> Refused:
    return Refused(400, WebhookRefusal.SIGNATURE, "the signature is not ours")


async def _read(body: bytes) -> Envelope:
    try:
        if len(body) <= LARGE_BYTES:
            return read_envelope(body)
        return await asyncio.to_thread(read_envelope, body)
    except UnreadableBody as unreadable:
        raise Refused(400, WebhookRefusal.NOT_AN_EVENT, str(unreadable)) from unreadable
