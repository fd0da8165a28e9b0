"""What Stripe calls: verify the raw bytes, store once, wake the worker, answer.

Nothing is parsed before its signature was checked, nothing is answered 200 before it is durable,
and a refusal leaves no row.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from domain.events import EventService
from domain.ids import Prefix, new_id
from domain.inbox import WebhookEvent, WebhookEventStatus
from domain.ports import Clock, DatabaseUnavailable
from webhooks.envelope import Envelope, UnreadableBody, read_envelope
from webhooks.signature import is_signed
from webhooks.throttled import ThrottledLog

BODY_BYTES_MAX = 256 * 1024
"""No event of Stripe's comes near it."""

BODY_SECONDS_MAX = 10.0
"""How long a sender may take for its body."""


class _Refused(Exception):
    """The request is answered with `status` and no further word; `reason` goes to the log."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class StripeEndpoint:
    """The platform's endpoint, which hears its own account and, under secrets of their own, the
    connected accounts."""

    def __init__(
        self,
        events: EventService,
        secrets: Sequence[str],
        connect_secrets: Sequence[str],
        clock: Clock,
        *,
        body_seconds_max: float = BODY_SECONDS_MAX,
    ) -> None:
        self._events = events
        self._secrets = tuple(secret for secret in secrets if secret.strip())
        self._connect_secrets = tuple(secret for secret in connect_secrets if secret.strip())
        self._clock = clock
        self._body_seconds_max = body_seconds_max
        self._refusals = ThrottledLog(logging.getLogger(__name__))
        self._outages = ThrottledLog(logging.getLogger(__name__))

    async def deliver(self, request: Request) -> Response:
        """Answers one delivery: 200 stored, 503 try again, 4xx refused."""
        try:
            event = await self._read(request)
            await self._events.receive(event)
        except _Refused as refused:
            self._refusals.warning(f"webhook refused with {refused.status}: {refused}")
            return Response(status_code=refused.status)
        except DatabaseUnavailable as away:
            self._outages.warning(f"webhook not stored: {away}")
            return Response(status_code=503, headers={"Retry-After": "5"})
        return Response(status_code=200)

    async def _read(self, request: Request) -> WebhookEvent:
        if not self._secrets and not self._connect_secrets:
            raise _Refused(404, "no webhook secret is configured")
        _check_media(request)
        body = await _body(request, self._body_seconds_max)
        is_connect = self._check_signature(request, body)
        try:
            envelope = read_envelope(body)
        except UnreadableBody as unreadable:
            raise _Refused(400, str(unreadable)) from unreadable
        gateway_id = await self._gateway_id(envelope, is_connect=is_connect)
        return self._event(envelope, gateway_id)

    def _check_signature(self, request: Request, body: bytes) -> bool:
        """Whether a Connect secret signed the body, rather than the platform's."""
        header = request.headers.get("stripe-signature")
        now = self._clock.now().timestamp()
        by_platform = is_signed(body, header, self._secrets, now)
        by_connect = is_signed(body, header, self._connect_secrets, now)
        if not by_platform and not by_connect:
            raise _Refused(400, "the signature is not ours")
        return not by_platform

    async def _gateway_id(self, envelope: Envelope, *, is_connect: bool) -> str:
        # the account an event names counts only under a Connect secret
        if not is_connect:
            return await self._events.platform_gateway_id()
        if envelope.account is None:
            raise _Refused(400, "a Connect event names no account")
        found = await self._events.connected_gateway_id(
            envelope.account, livemode=envelope.livemode
        )
        if found is None:
            raise _Refused(400, "a Connect event names an unknown account")
        return found

    def _event(self, envelope: Envelope, gateway_id: str) -> WebhookEvent:
        return WebhookEvent(
            id=new_id(Prefix.WEBHOOK_EVENT),
            gateway_id=gateway_id,
            livemode=envelope.livemode,
            event_id=envelope.event_id,
            event_type=envelope.event_type,
            api_version=envelope.api_version,
            account=envelope.account,
            payload=envelope.payload,
            status=WebhookEventStatus.RECEIVED,
            created_at=self._clock.now(),
        )


def routes(
    *,
    events: EventService,
    secrets: Sequence[str],
    connect_secrets: Sequence[str],
    clock: Clock,
    body_seconds_max: float = BODY_SECONDS_MAX,
) -> list[Route]:
    """The webhook routes. With no secret of either kind, deliveries are answered 404."""
    endpoint = StripeEndpoint(
        events, secrets, connect_secrets, clock, body_seconds_max=body_seconds_max
    )
    return [Route("/api/webhooks/stripe", endpoint.deliver, methods=["POST"])]


def _check_media(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if media_type != "application/json" or encoding != "identity":
        raise _Refused(415, "not plain JSON")


async def _body(request: Request, seconds_max: float) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > BODY_BYTES_MAX:
        raise _Refused(413, "the body is too large")
    body = bytearray()
    try:
        async with asyncio.timeout(seconds_max):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    raise _Refused(413, "the body is too large")
    except TimeoutError as slow:
        raise _Refused(408, "the body came too slowly") from slow
    except ClientDisconnect as gone:
        raise _Refused(400, "the sender went away") from gone
    return bytes(body)
