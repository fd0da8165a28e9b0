"""A delivery's body, taken in with an end to its size and its time."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from domain.measures import WebhookRefusal

BODY_BYTES_MAX = 256 * 1024
"""No event of Stripe's comes near it."""

BODY_SECONDS_MAX = 10.0
"""How long a sender may take for its body."""


class Refused(Exception):
    """The request is answered with `status` and no further word; `reason` is counted, and the
    message goes to the log."""

    def __init__(self, status: int, reason: WebhookRefusal, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def check_media(request: Request) -> None:
    """Raises Refused unless the body says that it is JSON as it stands, not packed."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if media_type != "application/json" or encoding != "identity":
        raise Refused(415, WebhookRefusal.MEDIA_TYPE, "not plain JSON")


async def read_body(request: Request, seconds_max: float) -> bytes:
    """The raw bytes. Raises Refused for a body that is too large, before more of it is kept, and
    for one that does not come to its end in time."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > BODY_BYTES_MAX:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(seconds_max):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    raise _too_large()
    except TimeoutError as slow:
        raise Refused(408, WebhookRefusal.BODY_TOO_SLOW, "the body came too slowly") from slow
    except ClientDisconnect as gone:
        raise Refused(400, WebhookRefusal.SENDER_GONE, "the sender went away") from gone
    return bytes(body)


def _too_large() -> Refused:
    return Refused(413, WebhookRefusal.BODY_TOO_LARGE, "the body is too large")
