"""What must hold after every step, and once everything has healed. The sandbox's books are the
judge: they know what really happened, whatever anybody was told."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from domain.commands import PaymentDone, RefundDone
from domain.errors import InvalidState, PaymentDeclined, ValidationFailed
from domain.operation import OPEN
from domain.payment import TRANSITIONS, PaymentStatus
from sandbox.models import Charge, Refund
from sandbox.wire import Request
from sandbox.world import Book
from tests.integration.domain.auditing import untold
from tests.simulation.clients import Done, Heard, Shop
from tests.simulation.gateway import KEY
from tests.simulation.world import World

_PAYMENTS = """
    SELECT p.id, p.payment_status, p.captured_amount_cents, p.refunded_amount_cents,
        p.refund_pending_cents, p.gateway_payment_id, p.intent_closed_at,
        coalesce(sum(r.amount_cents) FILTER (WHERE r.refund_status = 'SUCCEEDED'), 0) AS succeeded,
        coalesce(sum(r.amount_cents)
            FILTER (WHERE r.refund_status IN ('REQUESTED', 'PENDING')), 0) AS reserved,
        coalesce(sum(r.amount_cents) FILTER (WHERE r.refund_status IN ('REQUESTED', 'PENDING')
            AND r.origin = 'API'), 0) AS ours
    FROM payments p LEFT JOIN refunds r ON r.tenant_id = p.tenant_id AND r.payment_id = p.id
    GROUP BY p.tenant_id, p.id
"""
_OPEN_OPERATIONS = "select id, kind, state, attempts, error_message from gateway_operations where "
_OPEN_OPERATIONS += f"state in ({', '.join(repr(state.value) for state in sorted(OPEN))})"
_OPEN_EVENTS = (
    "select event_id, event_type, status, error_message from webhook_events"
    " where status not in ('PROCESSED', 'IGNORED', 'DEAD')"
)
_LEFT_OVER = {
    "an operation is open": _OPEN_OPERATIONS,
    "an event is not at its end": _OPEN_EVENTS,
    "an event is dead": (
        "select event_type, error_message from webhook_events where status = 'DEAD'"
    ),
    "a key runs for ever": (
        "select id, mutation, key from idempotency_keys where outcome = 'RUNNING'"
    ),
    "a refund was never answered": "select id from refunds where refund_status = 'REQUESTED'",
    "a payment is pending for ever": "select id from payments where payment_status = 'PENDING'",
    "a declined payment holds its order": (
        "select id from payments where payment_status = 'FAILED' and intent_closed_at is null"
    ),
    "two live payments of an order": (
        "select order_id from payments where payment_status in"
        " ('PENDING', 'REQUIRES_ACTION', 'PROCESSING', 'AUTHORIZED') group by 1 having count(*) > 1"
    ),
    "an order paid more than once": (
        "select o.id from orders o join payments p on p.order_id = o.id"
        " and p.payment_status = 'PAID' group by o.id, o.total_amount_cents"
        " having sum(p.captured_amount_cents) > o.total_amount_cents"
    ),
    "a row of two tenants": (
        "select o.id from gateway_operations o join payments p on p.id = o.payment_id"
        " where p.tenant_id <> o.tenant_id"
    ),
    "an alert": "select rule, subject_id, message from alerts where seen_at is null",
}
_STATUSES = {
    "requires_action": {PaymentStatus.REQUIRES_ACTION},
    "processing": {PaymentStatus.PROCESSING},
    "requires_capture": {PaymentStatus.AUTHORIZED},
    "succeeded": {PaymentStatus.PAID},
    "canceled": {PaymentStatus.FAILED, PaymentStatus.CANCELED, PaymentStatus.EXPIRED},
}


class Eyes:
    """Sees every history's both sides."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: dict[str, PaymentStatus] = {}
        self.dashboard_refunds = False

    @property
    def book(self) -> Book:
        """The gateway's books of the platform's account."""
        return self._world.sandbox.world.platform(KEY)

    def order(self, path: str, outcome: str) -> None:
        """A control order that the sandbox must take."""
        body = json.dumps({"outcome": outcome}).encode()
        answered = self._world.sandbox.handle(Request("POST", f"/_sandbox/{path}", "", {}, body))
        assert answered.status == 200, answered.body

    async def look(self) -> None:
        """Safety. Raises AssertionError, naming what is broken."""
        assert not self._world.turns.faults, f"a fault: {self._world.turns.faults!r}"
        self._no_double_effect()
        if not self._world.turns.has_committed():
            return
        for row in await self._world.monitor.fetch(_PAYMENTS):
            self._payment(row)

    async def at_rest(self) -> bool:
        """Whether nothing is left to be done by itself."""
        for query in (_OPEN_OPERATIONS, _OPEN_EVENTS):
            if await self._world.monitor.fetch(query):
                return False
        due = self._world.sandbox.next_due()
        return due is None or due > self._world.clock.seconds + 7_200

    async def judge(self, shops: Sequence[Shop]) -> None:
        """Liveness. Raises AssertionError, naming what is broken."""
        for what, query in _LEFT_OVER.items():
            found = await self._world.rows(query)
            assert not found, f"{what}: {found}"
        assert (wrong := await self._world.wrong_books()) == [], f"the books: {wrong}"
        assert (lines := await untold(self._world)) == [], f"the audit: {lines}"
        rows = {row["id"]: row for row in await self._world.monitor.fetch(_PAYMENTS)}
        self._both_sides(rows)
        await self._balances()
        assert (left := await self._world.unreconciled()) == [], f"reconciled: {left}"
        for heard in (each for shop in shops for each in shop.heard):
            self._kept_its_word(heard, rows)

    def _payment(self, row: Any) -> None:
        payment_id, after = row["id"], PaymentStatus(row["payment_status"])
        before = self._seen.setdefault(payment_id, after)
        assert after is before or after in _reachable(before), f"{payment_id}: {before} to {after}"
        self._seen[payment_id] = after
        reserved = (row["refunded_amount_cents"], row["refund_pending_cents"])
        counted = (row["succeeded"], row["reserved"])
        assert reserved == counted, f"{payment_id} keeps {reserved} of refunds that are {counted}"
        if not self.dashboard_refunds:
            promised = row["succeeded"] + row["ours"]
            assert promised <= row["captured_amount_cents"], f"{payment_id} refunds {promised}"
        taken = sum(each.amount_captured for each in self._charges_of(payment_id))
        assert row["captured_amount_cents"] <= taken, f"{payment_id} has more than was captured"

    def _no_double_effect(self) -> None:
        charged = Counter(
            each.metadata.get("tollgate_payment_id")
            for each in self.book.charges.values()
            if each.status == "succeeded"
        )
        assert all(count == 1 for count in charged.values()), f"charged twice: {charged}"
        refunded = Counter(
            each.metadata.get("tollgate_refund_id") for each in self._refunds() if each.metadata
        )
        assert all(count == 1 for count in refunded.values()), f"refunded twice: {refunded}"

    def _both_sides(self, rows: dict[str, Any]) -> None:
        returned: dict[str, int] = defaultdict(int)
        for refund in self._refunds():
            if refund.status == "succeeded":
                returned[refund.payment_intent] += refund.amount
        of_intents = {row["gateway_payment_id"]: row for row in rows.values()}
        for intent in self.book.intents.values():
            row = of_intents.get(intent.id)
            assert row is not None, f"nobody knows {intent.id}, {intent.status}"
            status = PaymentStatus(row["payment_status"])
            told = (status in _STATUSES.get(intent.status, ()), row["captured_amount_cents"])
            true = (True, intent.amount_received)
            assert told == true, f"{row['id']} is {status}, {intent.id} is {intent.status}, {told}"
            assert row["refunded_amount_cents"] == returned[intent.id], (
                f"{row['id']} refunded {row['refunded_amount_cents']}, not {returned[intent.id]}"
            )

    async def _balances(self) -> None:
        ours = await self._world.rows(
            "select coalesce(sum(amount_cents), 0)::bigint from ledger_entries"
            " where account = 'gateway_clearing'"
        )
        theirs = sum(self.book.balances.values())
        assert ours == [(theirs,)], f"gateway_clearing is {ours}, the gateway's balance {theirs}"

    def _kept_its_word(self, heard: Heard, rows: dict[str, Any]) -> None:
        """What was answered under one key is one thing, and it happened."""
        subjects = {
            each.refund.id if isinstance(each, RefundDone) else each.payment.id
            for each in heard.done
            if isinstance(each, PaymentDone | RefundDone)
        }
        assert len(subjects) <= 1, f"{heard.key} did {subjects}"
        for done in heard.done:
            if isinstance(done, RefundDone):
                assert self._has_refund(done.refund.id), f"{done.refund.id} was never made"
            elif isinstance(done, PaymentDone) and heard.kind == "charge":
                intent = rows[done.payment.id]["gateway_payment_id"]
                assert intent in self.book.intents, f"{done.payment.id} has no intent"
        is_done = False
        for answer in heard.answers:
            is_refusal = isinstance(answer, InvalidState | ValidationFailed | PaymentDeclined)
            assert not (is_done and is_refusal), f"{heard.key} was done, then refused: {answer!r}"
            is_done = is_done or isinstance(answer, Done)
        for refused in heard.answers:
            if isinstance(refused, PaymentDeclined):
                charges = self._charges_of(refused.payment.id)
                taken = [each.id for each in charges if each.amount_captured]
                assert not taken, f"{refused.payment.id} was declined, and charged: {taken}"

    def _refunds(self) -> Iterable[Refund]:
        return (each for each in self.book.refunds.values() if not each.released)

    def _has_refund(self, refund_id: str) -> bool:
        return any(each.metadata.get("tollgate_refund_id") == refund_id for each in self._refunds())

    def _charges_of(self, payment_id: str) -> list[Charge]:
        return [
            each
            for each in self.book.charges.values()
            if each.metadata.get("tollgate_payment_id") == payment_id
        ]


def _reachable(status: PaymentStatus) -> set[PaymentStatus]:
    """What may be seen next: several steps may lie between two looks."""
    found: set[PaymentStatus] = set()
    ahead = list(TRANSITIONS[status])
    while ahead:
        each = ahead.pop()
        if each not in found:
            found.add(each)
            ahead += TRANSITIONS[each]
    return found
