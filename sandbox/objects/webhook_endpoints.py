"""Webhook endpoints and events on the wire."""

import json

from sandbox.models import Event, WebhookEndpoint
from sandbox.wire import API_VERSION, Wire


def render(endpoint: WebhookEndpoint) -> Wire:
    """An endpoint as Stripe sends it; the secret is told only once, at creation."""
    return {
        "id": endpoint.id,
        "object": "webhook_endpoint",
        "api_version": endpoint.api_version,
        "application": None,
        "created": endpoint.created,
        "description": endpoint.description,
        "enabled_events": list(endpoint.enabled_events),
        "livemode": False,
        "metadata": dict(endpoint.metadata),
        "status": "disabled" if endpoint.disabled else "enabled",
        "url": endpoint.url,
    }


def render_event(event: Event, api_version: str | None = None) -> Wire:
    """An event as Stripe sends it; its object is as it was when it happened."""
    data: Wire = {"object": json.loads(event.object_json)}
    if event.previous is not None:
        data["previous_attributes"] = event.previous
    wire: Wire = {
        "id": event.id,
        "object": "event",
        "api_version": api_version or API_VERSION,
        "created": event.created,
        "data": data,
        "livemode": False,
        "pending_webhooks": event.pending,
        "request": {"id": event.request_id, "idempotency_key": event.idempotency_key},
        "type": event.type,
    }
    if event.connected:
        wire["account"] = event.account
    return wire
