"""Events: what happened is written down once and offered to every endpoint that listens."""

import heapq
from collections.abc import Iterator

from sandbox.models import Event, Record, WebhookEndpoint
from sandbox.objects.rendering import render
from sandbox.wire import Wire, encode
from sandbox.world import Book, Delivery, World


def emit(
    world: World, book: Book, type_: str, record: Record, previous: Wire | None = None
) -> Event:
    """Writes an event of ``book`` with the record as it is now, and lines up its deliveries.

    ``previous`` holds the former values of what an update changed.
    """
    wire = render(record, book.account.application)
    return emit_object(world, book, type_, wire, previous)


def emit_object(
    world: World, book: Book, type_: str, wire: Wire, previous: Wire | None = None
) -> Event:
    """The same for an object that is no record of the account, such as an application."""
    now = world.now()
    event = Event(
        id=world.new_id("evt_"),
        account=book.account.id,
        created=int(now),
        type=type_,
        object_json=encode(wire),
        connected=book.account.platform is not None,
        previous=previous,
        request_id=world.cause.request_id,
        idempotency_key=world.cause.idempotency_key,
    )
    book.events[event.id] = event
    for endpoint in list(_listeners(world, book, type_)):
        event.pending += 1
        line_up(world, Delivery(event, endpoint, 1, now))
    return event


def line_up(world: World, delivery: Delivery) -> None:
    """Lets a delivery be taken once it is due."""
    heapq.heappush(world.deliveries, (delivery.due_at, world.sequence(), delivery))


def _listeners(world: World, book: Book, type_: str) -> Iterator[WebhookEndpoint]:
    yield from _matching(book, type_, connect=False)
    platform = book.account.platform
    if platform is not None and book.account.connected:
        yield from _matching(world.books[platform], type_, connect=True)


def _matching(book: Book, type_: str, *, connect: bool) -> Iterator[WebhookEndpoint]:
    for endpoint in book.endpoints.values():
        if endpoint.connect is connect and not endpoint.disabled:
            wanted = endpoint.enabled_events
            if type_ in wanted or "*" in wanted:
                yield endpoint
