"""What the webhook route refuses before it looks at a signature."""

from __future__ import annotations

import pytest

from tests.integration.webhooks.served import PATH, Endpoint, an_event, served, stored
from tests.integration.webhooks.shop import Shop
from webhooks.body import BODY_BYTES_MAX

HEAD = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "br"},
    ],
)
async def test_other_media_are_refused(
    shop: Shop, endpoint: Endpoint, headers: dict[str, str]
) -> None:
    """Anything but plain JSON is 415, before it is unpacked or verified."""
    assert await endpoint.post(an_event(), headers=headers) == 415
    assert await stored(shop) == []


async def test_the_charset_may_be_named(shop: Shop, endpoint: Endpoint) -> None:
    """Stripe's own content type, with its charset, is accepted."""
    headers = {"Content-Type": "application/json; charset=utf-8"}

    assert await endpoint.post(an_event(), headers=headers) == 200
    assert await stored(shop) == [("evt_1", "RECEIVED")]


async def test_a_body_at_the_cap_and_beyond(shop: Shop, endpoint: Endpoint) -> None:
    """256 KB are read, a byte more is 413."""
    room = BODY_BYTES_MAX - len(an_event(data={"object": {"note": ""}}))
    fitting = an_event(data={"object": {"note": "n" * room}})

    assert len(fitting) == BODY_BYTES_MAX
    assert await endpoint.post(fitting) == 200
    assert await endpoint.post(fitting + b" ") == 413
    assert await stored(shop) == [("evt_1", "RECEIVED")]


async def test_a_large_body_is_refused_unread(endpoint: Endpoint) -> None:
    """A declared length above the cap is 413 before any of the body came; so is a chunked body as
    soon as it passes the cap, without an end in sight."""
    declared = await endpoint.raw(HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n")
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    chunked = await endpoint.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 5)

    # a length that fits in no integer is refused by the server itself
    assert declared.split()[1] in (b"413", b"400")
    assert chunked.split()[1] == b"413"
    assert (await endpoint.raw(HEAD + b"Content-Length: 262145\r\n\r\n")).split()[1] == b"413"


async def test_a_slow_body_is_refused(shop: Shop) -> None:
    """A sender that takes too long for its body is 408."""
    async with served(shop, body_seconds_max=0.2) as endpoint:
        answer = await endpoint.raw(HEAD + b"Content-Length: 100\r\n\r\n{")

    assert answer.split()[1] == b"408"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_other_methods(endpoint: Endpoint, method: str) -> None:
    """Deliveries are POSTs; another method is 405."""
    async with endpoint.session.request(method, PATH) as answer:
        assert answer.status == 405
