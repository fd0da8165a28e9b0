"""/v1/webhook_endpoints and /v1/events."""

from sandbox.api.call import Call, check_exclusive, found
from sandbox.api.intent_rules import check_url
from sandbox.api.lists import page
from sandbox.errors import missing, refused
from sandbox.models import Event, WebhookEndpoint
from sandbox.params import merged_metadata
from sandbox.wire import Wire

TYPES_MAX = 20

KEPT_SECONDS = 30 * 24 * 3600
"""How long an event is listed and read."""


def create(call: Call) -> Wire:
    """POST /v1/webhook_endpoints; the secret is told here and never again."""
    params = call.params
    url = params.required_text("url")
    check_url(url, "url", ("http", "https"))
    events = params.texts("enabled_events")
    _check_events(events)
    made = WebhookEndpoint(
        id=call.world.new_id("we_"),
        account=call.book.account.id,
        created=call.world.timestamp(),
        url=url,
        secret=call.world.new_id("whsec_", 32),
        enabled_events=events,
        connect=bool(params.flag("connect")),
        api_version=params.text("api_version"),
        description=params.text("description"),
        metadata=merged_metadata({}, params),
    )
    call.world.add(call.book.endpoints, made)
    return {**call.render(made), "secret": made.secret}


def retrieve(call: Call) -> Wire:
    """GET /v1/webhook_endpoints/{webhook_endpoint}."""
    return call.render(_endpoint(call))


def list_(call: Call) -> Wire:
    """GET /v1/webhook_endpoints."""
    return page(call, call.book.endpoints, "/v1/webhook_endpoints", "webhook endpoint")


def update(call: Call) -> Wire:
    """POST /v1/webhook_endpoints/{webhook_endpoint}."""
    endpoint = _endpoint(call)
    params = call.params
    if url := params.text("url"):
        check_url(url, "url", ("http", "https"))
        endpoint.url = url
    if "enabled_events" in params:
        events = params.texts("enabled_events")
        _check_events(events)
        endpoint.enabled_events = events
    if "description" in params:
        endpoint.description = params.text("description")
    if "disabled" in params:
        endpoint.disabled = bool(params.flag("disabled"))
    endpoint.metadata = merged_metadata(endpoint.metadata, params)
    return call.render(endpoint)


def delete(call: Call) -> Wire:
    """DELETE /v1/webhook_endpoints/{webhook_endpoint}; what is under way to it is dropped."""
    endpoint = _endpoint(call)
    endpoint.disabled = True
    del call.book.endpoints[endpoint.id]
    return {"id": endpoint.id, "object": "webhook_endpoint", "deleted": True}


def retrieve_event(call: Call) -> Wire:
    """GET /v1/events/{id}, within 30 days."""
    event = found(call.book.events, call.ids[0], "event", "id")
    if not _is_kept(call, event):
        raise missing("event", event.id, "id")
    return call.render(event)


def list_events(call: Call) -> Wire:
    """GET /v1/events of 30 days, by type or types, and by whether all deliveries have succeeded."""
    params = call.params
    check_exclusive(params, "type", "types")
    types = params.texts("types")
    if len(types) > TYPES_MAX:
        raise refused("You may only filter by up to 20 event types.", "types")
    if name := params.text("type"):
        types = [name]
    success = params.flag("delivery_success")

    def matches(event: Event) -> bool:
        delivered = success is None or success is (event.pending == 0 and not event.undelivered)
        wanted = not types or any(_is(event.type, name) for name in types)
        return delivered and wanted and _is_kept(call, event)

    return page(call, call.book.events, "/v1/events", "event", matches)


def _is_kept(call: Call, event: Event) -> bool:
    return event.created > call.world.now() - KEPT_SECONDS


def _is(type_: str, pattern: str) -> bool:
    return type_.startswith(pattern[:-1]) if pattern.endswith("*") else type_ == pattern


def _check_events(events: list[str]) -> None:
    if not events:
        raise refused("You must enable at least one event.", "enabled_events")
    if "*" in events and len(events) > 1:
        raise refused("You cannot combine `*` with other events.", "enabled_events")


def _endpoint(call: Call) -> WebhookEndpoint:
    return found(call.book.endpoints, call.ids[0], "webhook endpoint", "webhook_endpoint")
