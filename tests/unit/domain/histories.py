"""A payment's history at the gateway, and its events handled by pure functions alone.

What the database adds is modelled: who read the gateway before another's change was recorded reads
again (`EventService` compares the payment's version), and what comes too early waits. Each step is
reckoned once and remembered, so that all orders, and all reads of each, take a second.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from domain.applying import apply_snapshot
from domain.dispute import Dispute, apply_dispute, count_disputes, opened_dispute
from domain.event_types import USE_CASES, UseCase
from domain.payment import Payment, PaymentStatus
from domain.recording import TooEarly
from domain.refund import Refund, RefundStatus
from domain.refunding import apply_refund, refund_of_gateway, settle_refunds
from domain.snapshot import DisputeSnapshot, IntentSnapshot, RefundSnapshot
from tests.builders import NOW, SCHEDULE

TRIES_MAX = 60


@dataclass(frozen=True)
class Picture:
    """Everything that the gateway has of the payment at one moment."""

    intent: IntentSnapshot
    refunds: Mapping[str, RefundSnapshot] = field(default_factory=dict)
    disputes: Mapping[str, DisputeSnapshot] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """An event: its type, the picture of its moment, and the refund or dispute that it names."""

    type: str
    at: int
    names: str = ""


@dataclass(frozen=True)
class Books:
    """What is recorded here. `closings` counts how often the intent was asked to be closed;
    `known_from` is the picture that changed something last."""

    payment: Payment
    refunds: Mapping[str, Refund] = field(default_factory=dict)
    disputes: Mapping[str, Dispute] = field(default_factory=dict)
    closings: int = 0
    known_from: int = 0

    @property
    def entries(self) -> tuple[Payment, Mapping[str, Refund], Mapping[str, Dispute]]:
        """What must not depend on any order."""
        return self.payment, self.refunds, self.disputes


@dataclass(frozen=True)
class History:
    """Pictures in the order in which they were true, and seven events that tell of them."""

    books: Books
    pictures: Sequence[Picture]
    events: Sequence[Told]


def handled(history: History, books: Books, event: Told, seen: int) -> Books:
    """The books after the event was handled with this picture. Raises TooEarly."""
    use_case, picture = USE_CASES[event.type], history.pictures[seen]
    if use_case is UseCase.NOTHING:
        return books
    after = books
    if use_case is UseCase.INTENT or books.payment.status is not PaymentStatus.PAID:
        applied = apply_snapshot(books.payment, picture.intent, SCHEDULE, NOW)
        payment = count_disputes(applied.payment, books.disputes.values())
        after = replace(books, payment=payment, closings=books.closings + applied.closes_intent)
    for refund in _asked_for(event, use_case, picture):
        after = _with_refund(after, refund)
    if use_case is UseCase.DISPUTE:
        after = _with_dispute(after, picture.disputes[event.names])
    return books if after == books else replace(after, known_from=seen)


def _asked_for(event: Told, use_case: UseCase, picture: Picture) -> Sequence[RefundSnapshot]:
    found = list(picture.refunds.values()) if use_case is UseCase.REFUNDS else []
    if use_case is UseCase.REFUND:
        found = [picture.refunds[event.names]]
    return sorted(found, key=lambda refund: (not refund.has_failed, refund.created))


def _with_refund(books: Books, snapshot: RefundSnapshot) -> Books:
    if books.payment.status is not PaymentStatus.PAID:
        raise TooEarly("not captured")
    gateway_id = snapshot.gateway_refund_id
    made = replace(refund_of_gateway(books.payment, snapshot, NOW), id=gateway_id)
    before = books.refunds.get(gateway_id) or _requested(books, snapshot) or made
    moved = apply_refund(before, snapshot)
    if moved is None:
        return books
    others = [one for one in books.refunds.values() if one.id != before.id]
    settled, payment = settle_refunds(books.payment, [*others, moved])
    refunds = {one.gateway_refund_id or name: one for name, one in _named(books, settled)}
    return replace(books, payment=payment, refunds=dict(sorted(refunds.items())))


def _named(books: Books, refunds: Sequence[Refund]) -> Iterator[tuple[str, Refund]]:
    """The refunds by the names that they have had so far."""
    names = {one.id: name for name, one in books.refunds.items()}
    for refund in refunds:
        yield names.get(refund.id, refund.id), refund


def _requested(books: Books, snapshot: RefundSnapshot) -> Refund | None:
    """Our own refund that waits for its answer."""
    named = books.refunds.get(snapshot.tollgate_refund_id or "")
    return named if named and named.status is RefundStatus.REQUESTED else None


def _with_dispute(books: Books, snapshot: DisputeSnapshot) -> Books:
    if books.payment.status is not PaymentStatus.PAID:
        raise TooEarly("not captured")
    gateway_id = snapshot.gateway_dispute_id
    opened = replace(opened_dispute(books.payment, snapshot, NOW), id=gateway_id)
    after = apply_dispute(books.disputes.get(gateway_id, opened), snapshot, NOW)
    if after is None:
        return books
    disputes = {**books.disputes, gateway_id: after}
    return replace(
        books, payment=count_disputes(books.payment, disputes.values()), disputes=disputes
    )


View = Callable[[int, int], int]
"""Which picture an event is handled with, of those from the first to the second, both included."""


class Steps:
    """The steps from books to books, each reckoned once; books go by their number."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.books = [history.books]
        self._taken: dict[tuple[int, int, int], int | None] = {}

    def step(self, number: int, event: int, seen: int) -> int | None:
        """The books after this event with this picture; None if it came too early."""
        key = (number, event, seen)
        if key not in self._taken:
            self._taken[key] = self._reckon(*key)
        return self._taken[key]

    def _reckon(self, number: int, event: int, seen: int) -> int | None:
        told = self.history.events[event]
        try:
            after = handled(self.history, self.books[number], told, seen)
        except TooEarly:
            return None
        if after not in self.books:
            self.books.append(after)
        return self.books.index(after)

    def views(self, number: int, event: int) -> range:
        """The pictures that the event may be handled with: any from its own time on, but none older
        than the last that changed something, for then it would be read again."""
        first = max(self.history.events[event].at, self.books[number].known_from)
        return range(first, len(self.history.pictures))

    def run(self, events: Sequence[int], view: View) -> Books:
        """The books after these events in turn; what is too early comes again after the others."""
        number, waiting = 0, deque(events)
        for _ in range(TRIES_MAX):
            if not waiting:
                return self.books[number]
            event = waiting.popleft()
            views = self.views(number, event)
            after = self.step(number, event, view(views[0], views[-1]))
            if after is None:
                waiting.append(event)
            else:
                number = after
        raise AssertionError(f"{waiting} comes to no end")

    def reachable(self) -> Iterator[tuple[frozenset[int], int]]:
        """Every pair of handled events and books that any order, any reads and any duplicates lead
        to."""
        start = (frozenset[int](), 0)
        seen, waiting = {start}, [start]
        while waiting:
            done, number = at = waiting.pop()
            yield at
            for event in range(len(self.history.events)):
                for view in self.views(number, event):
                    after = self.step(number, event, view)
                    found = (done, number) if after is None else (done | {event}, after)
                    if found not in seen:
                        seen.add(found)
                        waiting.append(found)


def with_duplicates(events: Sequence[int], chance: random.Random) -> list[int]:
    """The events, up to three of them again at a later place."""
    deliveries = list(events)
    for event in chance.sample(list(events), chance.randint(1, 3)):
        first = deliveries.index(event)
        deliveries.insert(chance.randint(first + 1, len(deliveries)), event)
    return deliveries
