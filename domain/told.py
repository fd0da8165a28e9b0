"""When an event is believed without asking the gateway: docs/adr/0012.

Two ends of an intent are final, so that no later word can contradict them: succeeded and canceled.
Where one of them is told in the shape that is pinned, over a signature that only the gateway and
the platform can make, of exactly the payment that is recorded, a read would say the same.
"""

from __future__ import annotations

from domain.gateway import PaymentGateway
from domain.inbox import WebhookEvent, WebhookEventSource
from domain.payment import Payment
from domain.snapshot import IntentSnapshot, IntentStatus
from domain.tenant import GatewayAccount, GatewayMode

_FINAL = {
    "payment_intent.succeeded": IntentStatus.SUCCEEDED,
    "payment_intent.canceled": IntentStatus.CANCELED,
}


def told_intent(
    gateway: PaymentGateway, event: WebhookEvent, came_by: GatewayAccount, payment: Payment
) -> IntentSnapshot | None:
    """The intent as the event tells it; None where the gateway must be asked.

    What such an event leaves out, the card and the settlement, comes with `charge.succeeded`,
    `charge.captured` and `charge.updated`, which are always read.
    """
    final = _FINAL.get(event.event_type)
    if final is None or event.object_type != "payment_intent":
        return None
    if not _is_vouched_for(came_by) or not _was_delivered(event):
        return None
    told = gateway.told_intent(event.api_version, event.object)
    if told is None or told.status is not final or not _is_as_recorded(told, payment):
        return None
    return told


def _is_vouched_for(came_by: GatewayAccount) -> bool:
    """Whether the event came by an endpoint whose secret the platform keeps: its own, or that of
    its connected accounts. A tenant that has its own account knows its secret and can sign all."""
    return came_by.tenant_id is None or came_by.mode is GatewayMode.CONNECT


def _was_delivered(event: WebhookEvent) -> bool:
    """Whether it came with a signature; what was found in a list of events has none."""
    return event.source is WebhookEventSource.DELIVERED


def _is_as_recorded(told: IntentSnapshot, payment: Payment) -> bool:
    captured = told.amount_received if told.status is IntentStatus.SUCCEEDED else told.amount
    return 0 < captured <= told.amount and (
        payment.gateway_payment_id,
        payment.id,
        payment.total,
        payment.currency,
        payment.livemode,
    ) == (
        told.gateway_payment_id,
        told.tollgate_payment_id,
        told.amount,
        told.currency,
        told.livemode,
    )
