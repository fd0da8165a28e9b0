"""The `Stripe-Signature` header, checked over the bytes that came in.

Equal to the library's own check (docs.stripe.com/webhooks/signature) but for one side: a signature
dated ahead of our clock by more than the tolerance is refused too.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

TOLERANCE_SECONDS = 300
"""How far the signature's time may be from ours, before or after; Stripe's own tolerance."""

HEADER_LENGTH_MAX = 4096
"""A header beyond this is refused unread: it holds a time and a few signatures, no more."""

_SCHEME = "v1"


@dataclass(frozen=True, slots=True)
class _Signature:
    timestamp: int
    signatures: tuple[bytes, ...]


def is_signed(body: bytes, header: str | None, secrets: Sequence[str], now: float) -> bool:
    """Whether one of `secrets` signed `body`, within the tolerance of `now` (Unix seconds).

    Every secret and every signature is compared, in constant time each, so that the time taken
    does not tell which of them came near. A blank secret signs nothing.
    """
    parsed = _parse(header)
    if parsed is None or not _is_fresh(parsed.timestamp, now):
        return False
    signed = b"%d." % parsed.timestamp + body
    expected = [_sign(signed, secret) for secret in secrets if secret.strip()]
    matches = [hmac.compare_digest(ours, one) for ours in expected for one in parsed.signatures]
    return any(matches)


def _sign(signed: bytes, secret: str) -> bytes:
    return hmac.digest(secret.encode(), signed, "sha256").hex().encode()


def _is_fresh(timestamp: int, now: float) -> bool:
    # compared, not subtracted: a timestamp of hundreds of digits fits in no float
    return now - TOLERANCE_SECONDS <= timestamp <= now + TOLERANCE_SECONDS


def _parse(header: str | None) -> _Signature | None:
    if not header or len(header) > HEADER_LENGTH_MAX:
        return None
    parts = [part.split("=", 2) for part in header.split(",")]
    if any(len(part) < 2 for part in parts if part[0] in ("t", _SCHEME)):
        return None
    timestamps = [part[1] for part in parts if part[0] == "t"]
    values = (part[1] for part in parts if part[0] == _SCHEME)
    # the library compares in order and gives up at one that is not ASCII
    signatures = tuple(value.encode() for value in takewhile(str.isascii, values))
    if not timestamps or not signatures:
        return None
    try:
        return _Signature(int(timestamps[0]), signatures)
    except ValueError:
        return None
