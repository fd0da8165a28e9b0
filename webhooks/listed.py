"""An event of the gateway's list, read as the same one delivered would be."""

from __future__ import annotations

from datetime import datetime

from domain.errors import GatewayUnknown
from domain.event_list import ListedEvent
from domain.inbox import WebhookEventSource
from domain.receiving import Delivery
from webhooks.envelope import UnreadableBody, delivery_of, envelope_of


def listed_event(
    listed: ListedEvent, gateway_id: str, account_id: str | None, at: datetime
) -> Delivery:
    """Implements `domain.gaps.ListedReader`: `account_id` is the connected account whose list it
    is, which a delivery would name. Raises GatewayUnknown."""
    try:
        envelope = envelope_of(listed.content)
    except (UnreadableBody, RecursionError) as unreadable:
        raise GatewayUnknown(f"an event that cannot be read ({unreadable})") from unreadable
    return delivery_of(
        envelope, gateway_id, at, account=account_id, source=WebhookEventSource.LISTED
    )
