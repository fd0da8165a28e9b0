"""Typed, sortable ids: a prefix and a UUIDv7 (RFC 9562) in Crockford's base 32, lower case."""

import secrets
import threading
import time
from datetime import datetime
from enum import StrEnum

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 26
_DRAWN_BITS = 74
_STEP_BITS = 60

BACK_MAX = 1_000
"""How far a clock may be set back, in milliseconds, with ids still in the order of making."""

_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)


class Prefix(StrEnum):
    """What an id stands for; one id space for API, logs, CLI and gateway metadata."""

    TENANT = "ten"
    ORDER = "ord"
    PAYMENT = "pay"
    REFUND = "re"
    DISPUTE = "dp"
    OPERATION = "op"
    LEDGER_TRANSACTION = "ltx"
    LEDGER_ENTRY = "len"
    GATEWAY = "gw"
    FEE_TIER = "fee"
    FEE_OVERRIDE = "fov"
    ENDPOINT_SECRET = "es"  # noqa: S105 - a prefix
    WEBHOOK_EVENT = "we"
    AUDIT_ENTRY = "aud"
    ALERT = "alr"
    ALERT_NOTICE = "aln"
    PROCESS = "proc"
    IDEMPOTENCY_RECORD = "idem"


class Draws:
    """Milliseconds and 74 drawn bits, each pair greater than the one before: within a millisecond
    the bits are counted on by a drawn step (RFC 9562, section 6.2, method 2). A clock that is set
    back by more than BACK_MAX is followed; one that is set back by less is waited for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = (0, 0)

    def next(self, milliseconds: int) -> tuple[int, int]:
        """The pair for this moment."""
        with self._lock:
            at, drawn = self._last
            if at - BACK_MAX <= milliseconds <= at:
                drawn += 1 + secrets.randbits(_STEP_BITS)
                at, drawn = at + (drawn >> _DRAWN_BITS), drawn & (1 << _DRAWN_BITS) - 1
            else:
                at, drawn = milliseconds, secrets.randbits(_DRAWN_BITS)
            self._last = at, drawn
            return self._last


_DRAWS = Draws()


def new_id(prefix: Prefix) -> str:
    """A fresh id. It sorts after the ids that this process made before it, and after those that
    others made in an earlier millisecond."""
    milliseconds, drawn = _DRAWS.next(time.time_ns() // 1_000_000)
    value = milliseconds << 80 | 0x7 << 76 | drawn >> 62 << 64
    value |= 0b10 << 62 | drawn & (1 << 62) - 1
    return f"{prefix}_{_encode(value)}"


def is_id(text: str, prefix: Prefix) -> bool:
    """Whether `text` has the shape of an id with this prefix; says nothing about existence."""
    head, separator, tail = text.partition("_")
    return (
        bool(separator)
        and head == prefix
        and len(tail) == _LENGTH
        and all(character in _ALPHABET for character in tail)
    )


def prefix_of(text: str) -> Prefix | None:
    """The prefix of a well-formed id, else None."""
    return next((prefix for prefix in Prefix if is_id(text, prefix)), None)


def bits_of(text: str) -> int:
    """The number that an id stands for. `text` must have the shape of an id."""
    _, _, tail = text.partition("_")
    return sum(_ALPHABET.index(digit) << 5 * at for at, digit in enumerate(reversed(tail)))


def earlier(text: str, milliseconds: int) -> str:
    """The smallest id with the prefix of `text` that is made so long before it. `text` must have
    the shape of an id."""
    head, _, _ = text.partition("_")
    made = bits_of(text) >> 80
    return f"{head}_{_encode(max(0, made - milliseconds) << 80)}"


def first_id(prefix: Prefix, moment: datetime) -> str:
    """The smallest id with this prefix that can be made at that moment; `moment` is aware."""
    return f"{prefix}_{_encode(int(moment.timestamp() * 1000) << 80)}"


def _encode(value: int) -> str:
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(5 * (_LENGTH - 2), -1, -10)])
