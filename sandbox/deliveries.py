"""Deliveries of events: when each is due, what its body and signature are, what becomes of it."""

import hashlib
import heapq
import hmac
from dataclasses import replace

from sandbox.events import line_up
from sandbox.faults import Fault, Faults, Kind
from sandbox.objects.webhook_endpoints import render_event
from sandbox.wire import dump
from sandbox.world import Delivery, Tried, World


def take_due(world: World, faults: Faults) -> list[Delivery]:
    """The deliveries to be sent now; faults lose, double, delay or shuffle those on their first
    try.
    """
    taken: list[Delivery] = []
    while world.deliveries and world.deliveries[0][0] <= world.now():
        delivery = heapq.heappop(world.deliveries)[2]
        if delivery.endpoint.disabled:
            delivery.event.pending -= 1
            continue
        fault = None
        if delivery.attempt == 1 and not delivery.struck:
            fault = faults.strike_delivery(delivery.event.type, delivery.event.account)
        taken += _struck(world, delivery, fault) if fault else [delivery]
    return taken


def finish(world: World, delivery: Delivery, status: int | str) -> None:
    """Notes what became of a delivery; anything but 2xx is tried again later, while waits last.

    ``status`` is the HTTP status, or why there was none.
    """
    if not world.knows(delivery.event):
        return
    note(world, delivery, status)
    if isinstance(status, int) and 200 <= status < 300:
        delivery.event.pending -= 1
        return
    waits = world.settings.webhook_retry_seconds
    if delivery.attempt > len(waits):
        delivery.event.pending -= 1
        delivery.event.undelivered += 1
        return
    due_at = world.now() + waits[delivery.attempt - 1]
    line_up(world, replace(delivery, attempt=delivery.attempt + 1, due_at=due_at))


def note(world: World, delivery: Delivery, status: int | str) -> None:
    """Writes down a try."""
    world.tried.append(
        Tried(
            event=delivery.event.id,
            type=delivery.event.type,
            account=delivery.event.account,
            endpoint=delivery.endpoint.id,
            url=delivery.endpoint.url,
            attempt=delivery.attempt,
            status=status,
            at=world.now(),
        )
    )


def body(delivery: Delivery) -> bytes:
    """The event as it is sent, in the version that the endpoint asked for."""
    return dump(render_event(delivery.event, delivery.endpoint.api_version))


def signature(secret: str, payload: bytes, timestamp: int) -> str:
    """The Stripe-Signature header: HMAC-SHA256 over ``"{t}.{raw body}"`` (scheme v1)."""
    signed = b"%d.%s" % (timestamp, payload)
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def _struck(world: World, delivery: Delivery, fault: Fault) -> list[Delivery]:
    if fault.kind is Kind.WEBHOOK_LOSE:
        note(world, delivery, "lost")
        delivery.event.pending -= 1
        delivery.event.undelivered += 1
        return []
    if fault.kind is Kind.WEBHOOK_DOUBLE:
        delivery.event.pending += 1
        return [delivery, delivery]
    seconds = fault.seconds
    if fault.kind is Kind.WEBHOOK_SHUFFLE:
        seconds *= world.random.random()
    line_up(world, replace(delivery, due_at=world.now() + seconds, struck=True))
    return []
