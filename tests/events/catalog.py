"""One table of what an event of each type holds, in both shapes."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from tests.events import accounts, charges, disputes, older, payment_intents
from tests.events.facts import HANDLE, Facts, Json

Build = Callable[[Facts], Json]

CURRENT_VERSION = "2026-10-28.endive"
OLDER_VERSION = older.VERSION


class Shape(StrEnum):
    """Whether the endpoint has the pinned API version, or an older one."""

    CURRENT = "current"
    OLDER = "older"


@dataclass(frozen=True)
class Sent:
    """What Stripe sends for one type: the object in both shapes, and what an update changed."""

    current: Build
    older: Build
    older_version: str = OLDER_VERSION
    previous: Mapping[str, object] | None = None

    def version(self, shape: Shape) -> str:
        """The API version of an event in this shape."""
        return CURRENT_VERSION if shape is Shape.CURRENT else self.older_version


def _intent(status: str, previous: Mapping[str, object] | None = None) -> Sent:
    return Sent(
        partial(payment_intents.payment_intent, status=status),
        partial(older.payment_intent, status=status),
        previous=previous,
    )


def _charge(
    status: str = "succeeded",
    previous: Mapping[str, object] | None = None,
    *,
    captured: bool = True,
    settled: bool = False,
) -> Sent:
    def current(facts: Facts) -> Json:
        made = charges.charge(facts, status=status, captured=captured)
        return made | ({"balance_transaction": facts.transaction} if settled else {})

    return Sent(current, partial(older.charge, status=status, captured=captured), previous=previous)


def _refund(status: str, previous: Mapping[str, object] | None = None) -> Sent:
    return Sent(
        partial(charges.refund, status=status),
        partial(older.refund, status=status),
        previous=previous,
    )


def _dispute(
    status: str = "needs_response",
    previous: Mapping[str, object] | None = None,
    *,
    withdrawn: bool = True,
) -> Sent:
    return Sent(
        partial(disputes.dispute, status=status, withdrawn=withdrawn),
        partial(older.dispute, status=status, withdrawn=withdrawn),
        "2020-08-27",
        previous,
    )


SENT: Mapping[str, Sent] = {
    "payment_intent.created": _intent("requires_confirmation"),
    "payment_intent.requires_action": _intent("requires_action"),
    "payment_intent.processing": _intent("processing"),
    "payment_intent.amount_capturable_updated": _intent("requires_capture"),
    "payment_intent.succeeded": _intent("succeeded"),
    "payment_intent.payment_failed": _intent("requires_payment_method"),
    "payment_intent.canceled": _intent("canceled"),
    "charge.succeeded": _charge(),
    "charge.failed": _charge("failed", captured=False),
    "charge.captured": _charge(),
    "charge.updated": _charge(previous={"balance_transaction": None}, settled=True),
    "charge.expired": _charge(captured=False),
    "charge.refunded": _charge(previous={"amount_refunded": 0, "receipt_number": None}),
    "refund.created": _refund("succeeded"),
    "refund.updated": _refund("succeeded", {"status": "pending"}),
    "refund.failed": _refund("failed"),
    "charge.refund.updated": _refund("failed", {"status": "succeeded", "failure_reason": None}),
    "charge.dispute.created": _dispute(),
    "charge.dispute.updated": _dispute("under_review", {"status": "needs_response"}),
    "charge.dispute.funds_withdrawn": _dispute(),
    "charge.dispute.funds_reinstated": _dispute("won"),
    "charge.dispute.closed": _dispute("lost", {"status": "under_review"}),
    "account.updated": Sent(
        accounts.account, older.account, older.ACCOUNT_VERSION, {"charges_enabled": True}
    ),
    "account.application.deauthorized": Sent(
        lambda _: accounts.application(), lambda _: accounts.application(), older.ACCOUNT_VERSION
    ),
}
"""Every type that Tollgate acts on (`domain.event_types.USE_CASES`), as its object then stands."""


def event(
    type_: str, facts: Facts, shape: Shape = Shape.CURRENT, *, account: str | None = None
) -> Json:
    """An event of this type with an id of its own; `account` is a connected account's."""
    sent = SENT[type_]
    build = sent.current if shape is Shape.CURRENT else sent.older
    data: Json = {"object": build(facts)}
    if sent.previous is not None:
        data["previous_attributes"] = dict(sent.previous)
    made: Json = {
        "id": f"evt_{HANDLE}{secrets.token_hex(8)}",
        "object": "event",
        "api_version": sent.version(shape),
        "created": facts.created + 5,
        "data": data,
        "livemode": facts.livemode,
        "pending_webhooks": 2,
        "request": {"id": "req_Wk1TSpZJ0Zv7Qc", "idempotency_key": f"op_{facts.intent[3:]}"},
        "type": type_,
    }
    return made | ({"account": account} if account else {})


def body(made: Mapping[str, object]) -> bytes:
    """The event as it travels: Stripe indents by two."""
    return json.dumps(made, indent=2, ensure_ascii=False).encode()
