"""What goes in and out: plain values, no sockets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

Wire = dict[str, object]
"""A JSON object as it is sent; values are read back only by ``expand``."""

API_VERSION = "2026-10-28.endive"
"""The version of Stripe's API that the sandbox speaks, whatever version a caller asks for."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names are lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer, and how it is to be delivered.

    ``delay_seconds`` is how long the answer is held back; ``dropped`` says that the connection is
    closed instead of answering (after the delay).
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    dropped: bool = False


encode = json.JSONEncoder(separators=(",", ":")).encode
"""Compact JSON as text."""


def dump(value: object) -> bytes:
    """Compact JSON as bytes."""
    return encode(value).encode()


def answer(value: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(status, dump(value), {"content-type": "application/json"})
