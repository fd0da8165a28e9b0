"""One event, delivered again and again at the same moment."""

from __future__ import annotations

import asyncio
import json

from domain.inbox import WebhookEventStatus
from domain.payment import PaymentStatus
from tests.integration.webhooks.served import Endpoint
from tests.integration.webhooks.shop import Shop, try_event

COPIES = 200


async def accepted(endpoint: Endpoint, body: bytes) -> int:
    """The answer to one delivery, which is made again while the API is too busy for it."""
    answer = 503
    while answer == 503:
        answer = await endpoint.post(body)
    return answer


async def test_copies_at_once_have_one_effect(shop: Shop, endpoint: Endpoint) -> None:
    """Two hundred deliveries at once, each answered 200 in the end, and as many workers: one row,
    one try, one change of the payment."""
    payment = await shop.lose_the_answer()
    (event,) = await shop.gateway_events("payment_intent.succeeded")
    body = json.dumps(event).encode()

    answers = await asyncio.gather(*(accepted(endpoint, body) for _ in range(COPIES)))
    rows = await shop.rows("select id from webhook_events")
    ((event_id,),) = rows
    await asyncio.gather(*(try_event(shop.events, event_id) for _ in range(COPIES)))
    handled = await shop.event(event_id)

    assert answers == [200] * COPIES
    assert (handled.status, handled.attempts) == (WebhookEventStatus.PROCESSED, 1)
    assert (await shop.now_of(payment)).status is PaymentStatus.PAID
    assert await shop.timeline(payment) == ["payment.created", "payment.paid"]
    assert await shop.rows("select number from webhook_attempts") == [(1,)]
