"""An event of the gateway's list, read as the same one delivered would be."""

from __future__ import annotations

from datetime import datetime

from domain.errors import GatewayUnknown
from domain.event_list import ListedEvent
from domain.ids import Prefix, new_id
from domain.inbox import WebhookEvent, WebhookEventSource, WebhookEventStatus
from webhooks.envelope import UnreadableBody, envelope_of


def listed_event(
    listed: ListedEvent, gateway_id: str, account_id: str | None, at: datetime
) -> WebhookEvent:
    """Implements `domain.gaps.ListedReader`: `account_id` is the connected account whose list it
    is, which a delivery would name. Raises GatewayUnknown."""
    try:
        envelope = envelope_of(listed.content)
    except (UnreadableBody, RecursionError) as unreadable:
        raise GatewayUnknown(f"an event that cannot be read ({unreadable})") from unreadable
    return WebhookEvent(
        id=new_id(Prefix.WEBHOOK_EVENT),
        gateway_id=gateway_id,
        livemode=envelope.livemode,
        event_id=envelope.event_id,
        event_type=envelope.event_type,
        api_version=envelope.api_version,
        account=envelope.account or account_id,
        payload=envelope.payload,
        status=WebhookEventStatus.RECEIVED,
        created_at=at,
        source=WebhookEventSource.LISTED,
    )
