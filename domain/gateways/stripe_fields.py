"""Single fields of Stripe's JSON.

A missing or misshapen one raises KeyError, TypeError or ValueError: the answer is unreadable.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

Json = Mapping[str, object]


def reference(holder: Json, name: str) -> str | None:
    """The id of an object that is expanded or not."""
    value = holder.get(name)
    return text_of(value, "id") if isinstance(value, Mapping) else maybe_text(holder, name)


def text_of(holder: Json, name: str) -> str:
    """A text. Raises KeyError or TypeError."""
    value = holder[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is not a text")
    return value


def maybe_text(holder: Json, name: str) -> str | None:
    """A text, if it is one."""
    value = holder.get(name)
    return value if isinstance(value, str) else None


def number_of(holder: Json, name: str) -> int:
    """A whole number. Raises KeyError or TypeError."""
    value = holder[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} is not a whole number")
    return value


def maybe_number(holder: Json, name: str) -> int | None:
    """A whole number, None where it is null or missing. Raises TypeError."""
    return None if holder.get(name) is None else number_of(holder, name)


def flag_of(holder: Json, name: str) -> bool:
    """A boolean. Raises KeyError or TypeError."""
    value = holder[name]
    if not isinstance(value, bool):
        raise TypeError(f"{name} is not a flag")
    return value


def maybe_object(holder: Json, name: str) -> Json | None:
    """An object, if it is one."""
    value = holder.get(name)
    return value if isinstance(value, Mapping) else None


def time_of(seconds: int) -> datetime:
    """A moment from seconds since 1970, in UTC. Raises ValueError."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError("a moment beyond every calendar") from error


def maybe_time(holder: Json, name: str) -> datetime | None:
    """A moment, None where it is null or missing. Raises TypeError or ValueError."""
    seconds = maybe_number(holder, name)
    return None if seconds is None else time_of(seconds)
