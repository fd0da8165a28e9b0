"""Orders to the control routes: their values, read with care."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sandbox.errors import ApiError, invalid, missing
from sandbox.models import Record
from sandbox.world import Book, World

Kept = TypeVar("Kept", bound=Record)


@dataclass(frozen=True, slots=True)
class Order:
    """The ids in the path, the body and the query of a control request.

    Every reader raises ApiError where the value is of another type than it should be.
    """

    ids: tuple[str, ...] = ()
    body: Mapping[str, object] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """A text, or None."""
        value = self.body.get(name)
        if value is None or isinstance(value, str):
            return value
        raise _wrong(name, "a text")

    def flag(self, name: str) -> bool | None:
        """A boolean, or None."""
        value = self.body.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise _wrong(name, "a boolean")

    def number(self, name: str, default: float) -> float:
        """A number."""
        value = self.body.get(name)
        if value is None:
            return default
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        raise _wrong(name, "a number")

    def count(self, name: str, default: int) -> int | None:
        """An integer; the default where the name is left out, None where it is null."""
        value = self.body.get(name, default)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise _wrong(name, "an integer or null")

    def pattern(self, name: str) -> re.Pattern[str] | None:
        """A regular expression, or None."""
        value = self.text(name)
        try:
            return re.compile(value) if value is not None else None
        except re.error as error:
            raise _wrong(name, "a regular expression") from error

    def choice(self, name: str, allowed: Sequence[str], default: str | None = None) -> str:
        """One of the texts that are allowed."""
        value = self.text(name) or default
        if value is not None and value in allowed:
            return value
        raise _wrong(name, f"one of {', '.join(allowed)}")


def record_of(world: World, id_: str, kind: type[Kept]) -> tuple[Kept, Book]:
    """The record of any account with this id; raises ApiError where there is none."""
    record = world.records.get(id_)
    if not isinstance(record, kind):
        raise missing(kind.__name__, id_, "id")
    return record, world.books[record.account]


def _wrong(name: str, wanted: str) -> ApiError:
    return invalid(f"{name} must be {wanted}.", name)
