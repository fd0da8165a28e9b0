"""What a trace tells of, in terms of ours: requests, jobs, calls of the gateway.

All that happens about a payment is one trace, whose id is the payment's own: the mutation, its call
of the gateway, the webhook, the job. Nothing is carried along, so that nothing gets lost between
two processes, a restart or a webhook that comes a day later.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from typing import Protocol

from domain.account_events import AccountDatabase
from domain.event_ends import Try
from domain.events import EventService
from domain.gateway import PaymentGateway
from domain.ports import Clock, Wake

Attributes = Mapping[str, str | int]
NONE: Attributes = {}


class Activity(Protocol):
    """A request or a job under way."""

    def told(self, name: str, *, failed: bool, attributes: Attributes = NONE) -> None:
        """Says what it was. Names and attributes hold nothing that a caller wrote."""
        ...


class Tracing(Protocol):
    """Makes spans. None of it raises for a collector that is away."""

    def request(self) -> AbstractContextManager[Activity]:
        """A request that is answered."""
        ...

    def job(self) -> AbstractContextManager[Activity]:
        """A job that is worked off."""
        ...

    def call(self, call: str) -> AbstractAsyncContextManager[None]:
        """A call of the gateway, by its name; sees what it raises and changes nothing of it."""
        ...

    def close(self) -> None:
        """Sends what waits, and ends."""
        ...


class Untraced:
    """Implements `Tracing` where no trace is wanted."""

    def request(self) -> AbstractContextManager[Activity]:
        """Nothing."""
        return nullcontext(self)

    def job(self) -> AbstractContextManager[Activity]:
        """Nothing."""
        return nullcontext(self)

    def call(self, call: str) -> AbstractAsyncContextManager[None]:
        """Nothing."""
        return nullcontext()

    def told(self, name: str, *, failed: bool, attributes: Attributes = NONE) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class TracedEvents(EventService):
    """Works events off, each try in a span of its own."""

    def __init__(
        self,
        tracing: Tracing,
        database: AccountDatabase,
        gateway: PaymentGateway,
        wake: Wake,
        clock: Clock,
    ) -> None:
        super().__init__(database, gateway, wake, clock)
        self._tracing = tracing

    async def work_off(self, tried: Try) -> None:
        """As without the span."""
        with self._tracing.job() as activity:
            ended = False
            try:
                await super().work_off(tried)
                ended = True
            finally:
                activity.told(f"event {tried.event.event_type}", failed=not ended)
