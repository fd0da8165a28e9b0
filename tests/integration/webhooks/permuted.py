"""One payment's seven events in any order, some of them twice, and the state they end in."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from db.tables import metadata
from domain.errors import OutcomeUnknown
from domain.payment import Payment
from tests.integration.webhooks.shop import USER, Shop, try_event

EVENTS = 7
ORDERS = tuple(itertools.permutations(range(EVENTS)))
"""All 5,040 of them."""

_ROUNDS_MAX = 6
_REST_SECONDS = 15.0
_LOOKS_MAX = 100
_LOOK_SECONDS = 0.2
"""The sandbox's `charge.updated` comes this much later than the charge."""

_NAMED_BY_PAYMENT = tuple(
    table.name
    for table in metadata.sorted_tables
    if "payment_id" in table.c and table.name != "webhook_events"
)
_SUBJECTS = """:payment union all select :order
    union all select id from refunds where payment_id = :payment"""
_ID = re.compile(r"([a-z]+)_[A-Za-z0-9]{16,}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_DROPPED = frozenset(
    {"version", "attempts", "request", "next_action", "reference", "key", "input_hash"}
)
"""How often a row was written or a call made, ciphertexts, and what is made up for each order."""


State = Mapping[str, object]
"""What Tollgate knows of a payment, without ids, times and ciphertexts."""


@dataclass(frozen=True)
class Story:
    """What becomes of a payment at the gateway, and seven of the events that tell of it. Tollgate
    lost the answer to its own call, so all it learns it learns from them."""

    name: str
    card: str
    types: tuple[str, ...]
    act: Callable[[Shop, Mapping[str, Any]], Awaitable[None]]


async def _decline_twice(shop: Shop, intent: Mapping[str, Any]) -> None:
    """3-D Secure and a decline, another card and a decline, and the closing."""
    await shop.control.authenticate(intent["id"])
    path = f"/v1/payment_intents/{intent['id']}/confirm"
    form = {"payment_method": "pm_card_visa_chargeDeclined", "return_url": "https://shop.example"}
    async with shop.stripe.post(path, data=form) as declined:
        assert declined.status == 402, await declined.text()
    await shop.call_stripe(
        f"payment_intents/{intent['id']}/cancel", cancellation_reason="abandoned"
    )


async def _refund_and_dispute(shop: Shop, intent: Mapping[str, Any]) -> None:
    """A refund that pends and succeeds, and a dispute that is opened and lost."""
    charge = intent["latest_charge"]
    refund = await shop.call_stripe("refunds", charge=charge, amount="2500")
    await shop.control.settle_refund(refund["id"], "succeeded")
    dispute = await shop.control.dispute(charge, amount=1_000)
    await shop.control.decide(dispute["id"], "lost")


DECLINED = Story(
    "declined",
    "pm_card_threeDSecureRequiredChargeDeclined",
    (
        "payment_intent.created",
        "payment_intent.requires_action",
        "charge.failed",
        "payment_intent.payment_failed",
        "charge.failed",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
    ),
    _decline_twice,
)
PAID = Story(
    "paid",
    "pm_card_pendingRefund",
    (
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
        "charge.refunded",
        "refund.updated",
        "charge.dispute.created",
        "charge.dispute.closed",
    ),
    _refund_and_dispute,
)
STORIES = {story.name: story for story in (DECLINED, PAID)}


@dataclass
class Lane:
    """A shop that tells the story again and again, each time of a fresh payment."""

    shop: Shop
    story: Story
    account: str

    @classmethod
    async def of(cls, shop: Shop, story: Story) -> Lane:
        """A lane whose faults strike its own account alone."""
        async with shop.stripe.get("/v1/account") as answer:
            return cls(shop, story, str((await answer.json())["id"]))

    async def run(self, order: Sequence[int], chance: random.Random) -> State:
        """The state after the events came in that order, with duplicates by `chance`."""
        self.shop.clock.ahead = timedelta()
        payment, events = await self._tell()
        handled = await self._deliver(with_duplicates([events[at] for at in order], chance))
        await self._come_to_rest(payment, handled)
        return await self._state(payment, handled)

    async def _tell(self) -> tuple[Payment, list[dict[str, Any]]]:
        """The payment, as it is while the answer to its call is lost, and its seven events."""
        payment, intent = await self._unheard()
        while intent is None:
            payment, intent = await self._unheard()
        await self.story.act(self.shop, intent)
        return payment, await self._events(intent)

    async def _unheard(self) -> tuple[Payment, dict[str, Any] | None]:
        """A payment whose answer is lost, and its intent; None where the call itself was lost, on a
        connection that the fault before had closed."""
        command = await self.shop.start_command(self.story.card)
        command = replace(command, return_url="https://shop.example")
        fault = await self.shop.control.order_fault(
            "drop_after", method="POST", path="/v1/payment_intents", account=self.account
        )
        with suppress(OutcomeUnknown):
            await self.shop.payments.charge(USER, self.shop.tenant.id, command)
        payment = await self.shop.payment_of(command.order_id)
        assert payment.gateway_payment_id is None
        listed = await self._list("payment_intents", "1")
        if listed and listed[0]["metadata"]["tollgate_payment_id"] == payment.id:
            return payment, listed[0]
        await self.shop.control.clear_faults(fault)
        return payment, None

    async def _events(self, intent: Mapping[str, Any]) -> list[dict[str, Any]]:
        """One event for each type of the story, oldest first; the last come a moment later."""
        for _ in range(_LOOKS_MAX):
            found = [
                event
                for event in reversed(await self._list("events", "30"))
                if intent["id"] in (_object(event)["id"], _object(event).get("payment_intent"))
            ]
            chosen = _chosen(found, self.story.types)
            if chosen is not None:
                return chosen
            await asyncio.sleep(_LOOK_SECONDS)
        raise AssertionError(f"only {[event['type'] for event in found]}")

    async def _list(self, path: str, limit: str) -> list[dict[str, Any]]:
        async with self.shop.stripe.get(f"/v1/{path}", params={"limit": limit}) as answer:
            return list((await answer.json())["data"])

    async def _deliver(self, deliveries: Sequence[Mapping[str, Any]]) -> list[str]:
        """Receives all by one commit and processes each in turn, as often as it comes; the inbox's
        ids."""
        received = [await self.shop.delivery(event) for event in deliveries]
        assert set(await self.shop.receiving.receive(received)) == {None}
        handled: dict[str, str] = {}
        for delivery in received:
            webhook_event_id = handled.setdefault(delivery.event_id, delivery.id)
            await try_event(self.shop.events, webhook_event_id)
        return list(handled.values())

    async def _come_to_rest(self, payment: Payment, handled: Sequence[str]) -> None:
        """Lets what waits be tried again, and the lost call be settled."""
        for _ in range(_ROUNDS_MAX):
            waiting = await self._waiting(handled)
            if not waiting:
                break
            self.shop.clock.advance(_REST_SECONDS)
            for event_id in waiting:
                await try_event(self.shop.events, event_id)
        assert not waiting, f"{len(waiting)} events come to no end"
        self.shop.clock.advance(2 * _REST_SECONDS)
        async with self.shop.worker_database.begin(self.shop.tenant.id) as work:
            operations = await work.operations.open_of_payment(payment.tenant_id, payment.id)
        for operation in operations:
            await self.shop.settler.settle(operation.id)

    async def _waiting(self, handled: Sequence[str]) -> list[str]:
        found = await self.shop.rows(
            "select id from webhook_events where id = any (:ids) and not processed",
            ids=list(handled),
        )
        return [event_id for (event_id,) in found]

    async def _state(self, payment: Payment, handled: Sequence[str]) -> State:
        of_payment = " union all ".join(
            f"select '{table}', to_jsonb(t) from {table} t where payment_id = :payment"  # noqa: S608
            for table in _NAMED_BY_PAYMENT
        )
        found = await self.shop.rows(
            f"""{of_payment}
            union all select 'payments', to_jsonb(t) from payments t where id = :payment
            union all select 'orders', to_jsonb(t) from orders t where id = :order
            union all select 'audit', jsonb_build_object('action', action) from audit_log
                where tenant_id = :tenant and subject_id in (select {_SUBJECTS})
            union all select 'alerts', jsonb_build_object('rule', rule) from alerts
                where subject_id in (select {_SUBJECTS}) or subject_id = any (:handled)""",  # noqa: S608
            payment=payment.id,
            order=payment.order_id,
            tenant=payment.tenant_id,
            handled=list(handled),
        )
        lines = Counter(f"{table} {_plain(row)}" for table, row in found)
        return dict(sorted(lines.items()))


def with_duplicates(
    events: Sequence[Mapping[str, Any]], chance: random.Random
) -> list[Mapping[str, Any]]:
    """The events in this order, of which at least one comes again later: the same event, or its
    twin under an id of its own (docs.stripe.com/webhooks: handle duplicate events)."""
    deliveries = list(events)
    for event in chance.sample(list(events), chance.randint(1, 3)):
        again = event if chance.random() < 0.5 else {**event, "id": f"{event['id']}twin"}
        first = deliveries.index(event)
        deliveries.insert(chance.randint(first + 1, len(deliveries)), again)
    return deliveries


def _object(event: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = event["data"]["object"]
    return found


def _chosen(found: Sequence[dict[str, Any]], types: Sequence[str]) -> list[dict[str, Any]] | None:
    """For each type an event of its own; None while one is missing."""
    left, chosen = list(found), []
    for type_ in types:
        event = next((event for event in left if event["type"] == type_), None)
        if event is None:
            return None
        left.remove(event)
        chosen.append(event)
    return chosen


def _plain(value: object) -> object:
    """The value with every id cut to its kind and every time to the fact that there is one."""
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value) if key not in _DROPPED}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return "a time" if _TIME.match(value) else _ID.sub(r"\1_", value)
    return value


def difference(one: State, other: State) -> list[str]:
    """The lines that only one of the states has."""
    return [
        f"{sign} {line}"
        for sign, here, there in (("+", one, other), ("-", other, one))
        for line in here
        if here[line] != there.get(line)
    ]
