"""The table of event types: what had happened, and what the event makes of it here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from domain.dispute import DisputeStatus
from domain.order import OrderStatus
from domain.payment import DisputeState, PaymentStatus
from domain.refund import RefundOrigin, RefundStatus
from tests.integration.events import scenes
from tests.integration.events.scenes import Scene

CREATED, PAID = "payment.created", "payment.paid"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One type. `audit` is what the event does, by the audit; the rest is what is then so."""

    scene: Scene
    payment: PaymentStatus
    order: OrderStatus
    timeline: tuple[str, ...]
    audit: tuple[str, ...]
    captured: int = 0
    refunded: int = 0
    refunds: tuple[tuple[RefundStatus, int, RefundOrigin], ...] = ()
    disputes: tuple[tuple[DisputeStatus, int], ...] = ()
    dispute: DisputeState = DisputeState.NONE
    lost: int = 0
    alerts: tuple[str, ...] = ()


def _paid(scene: Scene, *, authorized: bool = False) -> Row:
    before = (CREATED, "payment.authorized") if authorized else (CREATED,)
    return Row(
        scene=scene,
        payment=PaymentStatus.PAID,
        order=OrderStatus.PAID,
        captured=10_000,
        timeline=(*before, PAID),
        audit=(PAID, "order.paid"),
    )


def _ended(scene: Scene, status: PaymentStatus) -> Row:
    ended = f"payment.{status.lower()}"
    return Row(
        scene=scene,
        payment=status,
        order=OrderStatus.OPEN,
        timeline=(CREATED, "payment.authorized", ended),
        audit=(ended, "order.open"),
    )


def _under_way(scene: Scene, status: PaymentStatus) -> Row:
    moved = f"payment.{status.lower()}"
    return Row(
        scene=scene,
        payment=status,
        order=OrderStatus.OPEN,
        timeline=(CREATED, moved),
        audit=(moved,),
    )


def _refunded(scene: Scene, refund: tuple[RefundStatus, int, RefundOrigin], *timeline: str) -> Row:
    status, amount, _ = refund
    counts = status is RefundStatus.SUCCEEDED
    return Row(
        scene=scene,
        payment=PaymentStatus.PAID,
        order=OrderStatus.PARTIALLY_REFUNDED if counts else OrderStatus.PAID,
        captured=10_000,
        refunded=amount if counts else 0,
        refunds=(refund,),
        timeline=(CREATED, PAID, *timeline),
        audit=(timeline[-1], "order.partially_refunded" if counts else "order.paid"),
    )


GATEWAY, API = RefundOrigin.GATEWAY, RefundOrigin.API

PAYMENTS: Mapping[str, Row] = {
    "payment_intent.created": Row(
        scene=scenes.lost,
        payment=PaymentStatus.PENDING,
        order=OrderStatus.OPEN,
        timeline=(CREATED,),
        audit=(),
    ),
    "payment_intent.requires_action": _under_way(scenes.asks, PaymentStatus.REQUIRES_ACTION),
    "payment_intent.processing": _under_way(scenes.processes, PaymentStatus.PROCESSING),
    "payment_intent.amount_capturable_updated": Row(
        scene=scenes.held,
        payment=PaymentStatus.AUTHORIZED,
        order=OrderStatus.AUTHORIZED,
        timeline=(CREATED, "payment.authorized"),
        audit=("payment.authorized", "order.authorized"),
    ),
    "payment_intent.succeeded": _paid(scenes.lost),
    "payment_intent.payment_failed": _under_way(scenes.declined, PaymentStatus.FAILED),
    "payment_intent.canceled": _ended(scenes.canceled, PaymentStatus.CANCELED),
    "charge.succeeded": _paid(scenes.lost),
    "charge.failed": _under_way(scenes.declined, PaymentStatus.FAILED),
    "charge.captured": _paid(scenes.captured, authorized=True),
    "charge.updated": Row(
        scene=scenes.paid,
        payment=PaymentStatus.PAID,
        order=OrderStatus.PAID,
        captured=10_000,
        timeline=(CREATED, PAID, "payment.updated"),
        audit=("payment.updated",),
    ),
    "charge.expired": _ended(scenes.expired, PaymentStatus.EXPIRED),
    "charge.refunded": _refunded(
        scenes.refunded,
        (RefundStatus.SUCCEEDED, 4_000, GATEWAY),
        "refund.succeeded",
    ),
    "refund.created": _refunded(
        scenes.refunded,
        (RefundStatus.SUCCEEDED, 4_000, GATEWAY),
        "refund.succeeded",
    ),
    "refund.updated": _refunded(
        scenes.refund_succeeded,
        (RefundStatus.SUCCEEDED, 4_000, API),
        *("refund.requested", "refund.pending", "refund.succeeded"),
    ),
    "refund.failed": _refunded(
        scenes.refund_failed,
        (RefundStatus.FAILED, 4_000, API),
        "refund.requested",
        "refund.succeeded",
        "refund.failed",
    ),
    "charge.refund.updated": _refunded(
        scenes.refund_failed,
        (RefundStatus.FAILED, 4_000, API),
        "refund.requested",
        "refund.succeeded",
        "refund.failed",
    ),
}


def _disputed(
    scene: Scene, status: DisputeStatus, state: DisputeState, *timeline: str, order: str = ""
) -> Row:
    return Row(
        scene=scene,
        payment=PaymentStatus.PAID,
        order=OrderStatus.PAID,
        captured=10_000,
        timeline=(CREATED, PAID, *timeline),
        audit=(timeline[-1], *filter(None, [order])),
        disputes=((status, 10_000),),
        dispute=state,
        lost=10_000 if status is DisputeStatus.LOST else 0,
        alerts=("dispute.opened",) if len(timeline) == 1 else (),
    )


DISPUTES: Mapping[str, Row] = {
    "charge.dispute.created": _disputed(
        scenes.disputed,
        DisputeStatus.NEEDS_RESPONSE,
        DisputeState.OPEN,
        "dispute.opened",
        order="order.updated",
    ),
    "charge.dispute.funds_withdrawn": _disputed(
        scenes.disputed,
        DisputeStatus.NEEDS_RESPONSE,
        DisputeState.OPEN,
        "dispute.opened",
        order="order.updated",
    ),
    "charge.dispute.updated": _disputed(
        scenes.under_review,
        DisputeStatus.UNDER_REVIEW,
        DisputeState.OPEN,
        "dispute.opened",
        "dispute.under_review",
    ),
    "charge.dispute.funds_reinstated": _disputed(
        scenes.won,
        DisputeStatus.WON,
        DisputeState.WON,
        "dispute.opened",
        "dispute.won",
        order="order.updated",
    ),
    "charge.dispute.closed": _disputed(
        scenes.lost_at_the_bank,
        DisputeStatus.LOST,
        DisputeState.LOST,
        "dispute.opened",
        "dispute.lost",
        order="order.updated",
    ),
}
ROWS = {**PAYMENTS, **DISPUTES}
"""What the types about payments do (`test_types`)."""

ACCOUNT_TYPES = ("account.updated", "account.application.deauthorized")
"""The types about accounts (`test_accounts`)."""
