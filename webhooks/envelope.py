"""A signed body read into the event that the inbox keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

import orjson

from domain.card_numbers import without_shown_card_numbers
from domain.card_scan import is_plain
from domain.ids import Prefix, is_id, new_id
from domain.inbox import WebhookEventSource
from domain.receiving import Delivery, json_bytes, json_document

OMITTED_FIELDS = ("client_secret", "next_action", "payment_method", "receipt_url")
"""Never stored. Whoever holds a client secret can act for the payer, and the address in a next
action has one in it; a payment method can be charged again, and is kept encrypted where Tollgate
needs it; the address of a receipt opens it to anybody."""

_CONTAINERS = (dict, list)
"""Of these types and no other is what a reader of JSON makes of objects and arrays."""

_NAME = re.compile(r"[\x21-\x7e]{1,255}")


class UnreadableBody(Exception):
    """The body is not an event: not UTF-8, not JSON, not an object, or without id, type or mode."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the route needs of an event. `payload` is the whole of it less OMITTED_FIELDS, and
    without card numbers: the gateway sends none, but a text in it may be a merchant's. `document`
    is its JSON, None where JSONB cannot hold that."""

    event_id: str
    event_type: str
    livemode: bool
    api_version: str | None
    account: str | None
    payload: Mapping[str, object]
    document: str | None = field(default=None, compare=False, repr=False)


def read_envelope(body: bytes) -> Envelope:
    """Reads a body whose signature was checked. Raises UnreadableBody."""
    try:
        return _read_plain(body) or _read_any(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableBody(str(error)) from error


def _read_plain(body: bytes) -> Envelope | None:
    """Nearly every event, in a third of the time; None where it takes more."""
    if not is_plain(body):
        return None
    try:
        value = orjson.loads(body)
        _omit(value)
        return _envelope(value, lambda payload: orjson.dumps(payload).decode())
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None  # it reads less, and writes less deep, than the standard library does


def _read_any(body: bytes) -> Envelope:
    return envelope_of(json.loads(body.decode("utf-8"), parse_constant=_refuse_constant))


def envelope_of(value: object) -> Envelope:
    """The same for an event that was read from JSON already. Raises UnreadableBody."""
    cleaned = _without_cards(value)
    _omit(cleaned)
    return _envelope(cleaned, json_document)


def named_payment_id(envelope: Envelope) -> str | None:
    """Our payment's id in the metadata of the event's object; whoever signed the body may have
    written any."""
    found: object = envelope.payload
    for name in ("data", "object", "metadata", "tollgate_payment_id"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) and is_id(found, Prefix.PAYMENT) else None


def delivery_of(
    envelope: Envelope,
    gateway_id: str,
    at: datetime,
    *,
    account: str | None = None,
    size: int = 0,
    source: WebhookEventSource = WebhookEventSource.DELIVERED,
) -> Delivery:
    """The event on its way into the inbox of that gateway row, under a fresh id. `account` stands
    for the one that the event does not name."""
    is_held = envelope.document is not None
    return Delivery(
        id=new_id(Prefix.WEBHOOK_EVENT),
        gateway_id=gateway_id,
        livemode=envelope.livemode,
        event_id=envelope.event_id,
        event_type=envelope.event_type,
        api_version=envelope.api_version,
        account=envelope.account or account,
        document=envelope.document,
        body=None if is_held else json_bytes(envelope.payload),
        created_at=at,
        size=size,
        source=source,
    )


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _envelope(value: object, document_of: Callable[[Mapping[str, object]], str | None]) -> Envelope:
    if not isinstance(value, dict):
        raise UnreadableBody("the body is not an object")
    livemode = value.get("livemode")
    if not isinstance(livemode, bool):
        raise UnreadableBody("livemode is missing")
    return Envelope(
        event_id=_name(value, "id"),
        event_type=_name(value, "type"),
        livemode=livemode,
        api_version=_optional_name(value, "api_version"),
        account=_optional_name(value, "account"),
        payload=value,
        document=document_of(value),
    )


def _name(value: Mapping[str, object], field: str) -> str:
    found = _optional_name(value, field)
    if found is None:
        raise UnreadableBody(f"{field} is missing")
    return found


def _optional_name(value: Mapping[str, object], field: str) -> str | None:
    found = value.get(field)
    if found is None:
        return None
    if not isinstance(found, str) or not _NAME.fullmatch(found):
        raise UnreadableBody(f"{field} is not a name")
    return found


def _omit(value: object) -> None:
    containers = [value] if type(value) in _CONTAINERS else []
    for container in containers:  # and what is found in it, which is appended
        if isinstance(container, dict):
            for name in OMITTED_FIELDS:
                container.pop(name, None)
            items: Iterable[object] = container.values()
        else:
            items = cast("list[object]", container)
        containers += [item for item in items if type(item) in _CONTAINERS]


def _without_cards(value: object) -> object:
    if isinstance(value, dict):
        return {
            without_shown_card_numbers(key): _without_cards(item) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_without_cards(item) for item in value]
    return without_shown_card_numbers(value) if isinstance(value, str) else value
