"""Which gateway events matter, and what each one is about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.inbox import WebhookEvent


class UseCase(StrEnum):
    """What an event sets off. None of them trusts the event: each reads the gateway's own object,
    save where `told` says that the event is as good.

    NOTHING: what the event tells is known from our own call. INTENT: the intent with its latest
    charge. REFUND: the one refund. REFUNDS: every refund of the intent, as the cumulative amount
    on a charge says nothing about single refunds. DISPUTE: the one dispute. ACCOUNT: the gateway
    account itself.
    """

    NOTHING = "nothing"
    INTENT = "intent"
    REFUND = "refund"
    REFUNDS = "refunds"
    DISPUTE = "dispute"
    ACCOUNT = "account"


USE_CASES: Mapping[str, UseCase] = {
    "payment_intent.created": UseCase.NOTHING,
    "payment_intent.requires_action": UseCase.INTENT,
    "payment_intent.processing": UseCase.INTENT,
    "payment_intent.amount_capturable_updated": UseCase.INTENT,
    "payment_intent.succeeded": UseCase.INTENT,
    "payment_intent.payment_failed": UseCase.INTENT,
    "payment_intent.canceled": UseCase.INTENT,
    "charge.succeeded": UseCase.INTENT,
    "charge.failed": UseCase.INTENT,
    "charge.captured": UseCase.INTENT,
    "charge.updated": UseCase.INTENT,
    "charge.expired": UseCase.INTENT,
    "charge.refunded": UseCase.REFUNDS,
    "refund.created": UseCase.REFUND,
    "refund.updated": UseCase.REFUND,
    "refund.failed": UseCase.REFUND,
    "charge.refund.updated": UseCase.REFUND,
    "charge.dispute.created": UseCase.DISPUTE,
    "charge.dispute.updated": UseCase.DISPUTE,
    "charge.dispute.closed": UseCase.DISPUTE,
    "charge.dispute.funds_withdrawn": UseCase.DISPUTE,
    "charge.dispute.funds_reinstated": UseCase.DISPUTE,
    "account.updated": UseCase.ACCOUNT,
    "account.application.deauthorized": UseCase.ACCOUNT,
}
"""Every type that does something; any other is stored as IGNORED. Stripe's names
(docs.stripe.com/api/events/types)."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event speaks of, by the ids that its object carries."""

    gateway_payment_id: str | None
    gateway_refund_id: str | None
    payment_id: str | None
    gateway_charge_id: str | None = None
    gateway_dispute_id: str | None = None


_GATEWAY_ID = re.compile(r"[A-Za-z0-9_]{1,255}")


def subject_of(event: WebhookEvent) -> Subject:
    """The ids in the event's object: each names itself; a charge, a refund and a dispute name their
    intent, the latter two also their charge, and in older shapes only that.

    An id of another shape counts as missing, ours included: ids become parts of paths and of what
    people are told.
    """
    is_intent = event.object_type == "payment_intent"
    is_charge = event.object_type == "charge"
    is_refund = event.object_type == "refund"
    is_dispute = event.object_type == "dispute"
    return Subject(
        gateway_payment_id=_shaped(
            event.object_id if is_intent else event.object_field("payment_intent")
        ),
        gateway_refund_id=_shaped(event.object_id) if is_refund else None,
        payment_id=_shaped(event.tollgate_payment_id),
        gateway_charge_id=_shaped(event.object_id if is_charge else event.object_field("charge")),
        gateway_dispute_id=_shaped(event.object_id) if is_dispute else None,
    )


def _shaped(gateway_id: str | None) -> str | None:
    return gateway_id if gateway_id and _GATEWAY_ID.fullmatch(gateway_id) else None
