"""The one way into the inbox: many events by one commit, each durable before it is answered."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.alert import Alert
from domain.alert_rules import RULES, AlertRule
from domain.checkpoint import Checkpoint, checkpoint
from domain.ids import Prefix, new_id
from domain.inbox import WebhookEventSource
from domain.measures import Measures
from domain.ports import Wake

UNREADABLE = "The body holds text that the database cannot keep as JSON."

WAKE_MAX = 500
"""Events in one wake-up."""

WAKE_SECONDS = 0.02
"""How long a wake-up waits for others to go with it: a fifth of the time between two looks of the
worker at its queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event on its way into the inbox, cleaned of secrets: one that was delivered and signed, or
    by its `source` one of the gateway's list. `document` is its JSON; None where the database
    cannot hold that, and `body` is the same as bytes. `size` is that of the body that came in, in
    bytes; 0 of a listed one."""

    id: str
    gateway_id: str
    livemode: bool
    event_id: str
    event_type: str
    api_version: str | None
    account: str | None
    document: str | None
    body: bytes | None
    created_at: datetime
    size: int = 0
    source: WebhookEventSource = WebhookEventSource.DELIVERED

    @property
    def key(self) -> tuple[str, bool, str]:
        """What makes it the same event: gateway row, mode, the gateway's id."""
        return (self.gateway_id, self.livemode, self.event_id)


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class RowsRefused(Exception):
    """The database does not take one of the rows, for what is in it. Nothing was stored."""


class Intake(Protocol):
    """Stores deliveries, each call in a transaction of its own. Raises DatabaseUnavailable, after
    which it is not known whether they were stored."""

    async def record(self, deliveries: Sequence[Delivery]) -> int:
        """Stores those that were not there before, and says how many. They must be sorted by `key`,
        so that no two processes wait for each other. Raises RowsRefused."""
        ...

    async def bury(self, delivery: Delivery, reason: str, alert: Alert) -> bool:
        """Stores one with its body in the place of its payload, DEAD, and opens the alert; False
        when the event was there before."""
        ...

    async def rest(self) -> None:
        """Lets go of what it keeps at hand for the next call."""
        ...


class ReceivingService:
    """Stores deliveries and wakes the worker for the new ones.

    The API may write to the inbox and not read it, so that the database says how many of a batch
    were new, not which. Where some were not, the worker is woken for all: a wake-up for an id that
    was never stored finds nothing.
    """

    def __init__(self, intake: Intake, wake: Wake, measures: Measures) -> None:
        self._intake = intake
        self._wake = wake
        self._measures = measures
        self._to_wake: list[str] = []
        self._waking: asyncio.Task[None] | None = None

    async def receive(self, deliveries: Sequence[Delivery]) -> Sequence[Exception | None]:
        """Stores them; for each, None once it is durable, or why it is not. Raises
        DatabaseUnavailable for all."""
        unique = {delivery.key: delivery for delivery in reversed(deliveries)}
        ordered = [unique[key] for key in sorted(unique)]
        started = time.monotonic()
        checkpoint(Checkpoint.DELIVERED)
        try:
            new = await self._intake.record(ordered)
            checkpoint(Checkpoint.STORED)
            refused: Mapping[tuple[str, bool, str], Exception] = {}
        except RowsRefused as error:
            new, refused = await self._each_alone(ordered, error)
        taken = [one for one in deliveries if one.key not in refused]
        self._measures.webhook_batch(len(taken), new=new, seconds=time.monotonic() - started)
        if new:
            self._wake_later([one.id for one in ordered if one.key not in refused])
        return [refused.get(one.key) for one in deliveries]

    async def receive_unreadable(
        self, deliveries: Sequence[Delivery]
    ) -> Sequence[Exception | None]:
        """Stores those whose document is None, DEAD and with an alert. Raises
        DatabaseUnavailable."""
        for delivery in deliveries:
            started = time.monotonic()
            is_new = await self._bury(delivery)
            self._measures.webhook_batch(1, new=is_new, seconds=time.monotonic() - started)
        return [None] * len(deliveries)

    async def receive_listed(self, delivery: Delivery) -> bool:
        """Stores an event of the gateway's list and wakes the worker; False when it was there
        before. It is counted by whoever walks over the list. Raises DatabaseUnavailable,
        RowsRefused."""
        if delivery.document is None:
            return await self._bury(delivery)
        is_new = await self._intake.record([delivery]) == 1
        if is_new:
            self._wake_later([delivery.id])
        return is_new

    async def drain(self) -> None:
        """Waits until the worker was woken for all that was stored, and rests."""
        if self._waking is not None:
            await asyncio.wait({self._waking})
        await self._intake.rest()

    async def _each_alone(
        self, deliveries: Sequence[Delivery], error: RowsRefused
    ) -> tuple[int, dict[tuple[str, bool, str], Exception]]:
        """So that one row does not keep its neighbours out."""
        if len(deliveries) == 1:
            return 0, {deliveries[0].key: error}
        new, refused = 0, dict[tuple[str, bool, str], Exception]()
        for delivery in deliveries:
            try:
                new += await self._intake.record([delivery])
            except RowsRefused as own:
                refused[delivery.key] = own
        return new, refused

    async def _bury(self, delivery: Delivery) -> bool:
        alert = Alert(
            id=new_id(Prefix.ALERT),
            rule=AlertRule.WEBHOOK_UNREADABLE,
            severity=RULES[AlertRule.WEBHOOK_UNREADABLE].severity,
            subject_id=delivery.id,
            message=f"{delivery.event_type} {delivery.event_id}: {UNREADABLE}",
            tenant_id=None,
            opened_at=delivery.created_at,
        )
        return await self._intake.bury(delivery, UNREADABLE, alert)

    def _wake_later(self, ids: Sequence[str]) -> None:
        """After the answer: what is stored is found without a wake-up too, only later."""
        self._to_wake += ids
        if self._waking is None or self._waking.done():
            self._waking = asyncio.create_task(self._wake_all(), context=Context())

    async def _wake_all(self) -> None:
        while self._to_wake:
            await asyncio.sleep(WAKE_SECONDS)
            ids, self._to_wake = self._to_wake[:WAKE_MAX], self._to_wake[WAKE_MAX:]
            await self._wake.webhook_events(ids)


def json_document(payload: Mapping[str, object]) -> str | None:
    """The payload as JSON that PostgreSQL's JSONB holds; None where it has a NUL, half of a
    surrogate pair, or a number beyond every float (PostgreSQL 18, 8.14)."""
    try:
        document = _ENCODER.encode(payload)
        document.encode("utf-8")
    except ValueError:  # UnicodeEncodeError is one
        return None
    return None if _holds_nul(document) else document


def json_bytes(payload: Mapping[str, object]) -> bytes:
    """The payload as bytes, whatever it holds. Python reads them back as they were."""
    return json.dumps(payload, separators=(",", ":")).encode("ascii")


def _holds_nul(document: str) -> bool:
    # An escape begins at a backslash that none escapes: an odd number of them stands before the u.
    start = document.find("\\u0000")
    while start >= 0:
        before = start
        while before > 0 and document[before - 1] == "\\":
            before -= 1
        if (start - before) % 2 == 0:
            return True
        start = document.find("\\u0000", start + 1)
    return False
