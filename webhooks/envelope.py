"""A signed body read into the event that the inbox keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from domain.card_numbers import without_shown_card_numbers

OMITTED_FIELDS = frozenset({"client_secret", "next_action", "payment_method", "receipt_url"})
"""Never stored. Whoever holds a client secret can act for the payer, and the address in a next
action has one in it; a payment method can be charged again, and is kept encrypted where Tollgate
needs it; the address of a receipt opens it to anybody."""

_NAME = re.compile(r"[\x21-\x7e]{1,255}")


class UnreadableBody(Exception):
    """The body is not an event: not UTF-8, not JSON, not an object, or without id, type or mode."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the route needs of an event. `payload` is the whole of it less OMITTED_FIELDS, and
    without card numbers: the gateway sends none, but a text in it may be a merchant's."""

    event_id: str
    event_type: str
    livemode: bool
    api_version: str | None
    account: str | None
    payload: Mapping[str, object]


def read_envelope(body: bytes) -> Envelope:
    """Reads a body whose signature was checked. Raises UnreadableBody."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
        return envelope_of(value)
    except (ValueError, RecursionError) as error:
        raise UnreadableBody(str(error)) from error


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def envelope_of(value: object) -> Envelope:
    """The same for an event that was read from JSON already. Raises UnreadableBody."""
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
        payload=_without_secrets(value),
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


def _without_secrets(value: Mapping[str, object]) -> Mapping[str, object]:
    return {key: _cleaned(item) for key, item in value.items() if key not in OMITTED_FIELDS}


def _cleaned(value: object) -> object:
    if isinstance(value, dict):
        return _without_secrets(value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return without_shown_card_numbers(value) if isinstance(value, str) else value
