"""What a task is about, for whoever reads the log: bound where it becomes known, and shown with
every line until it is let go. Tasks that are started inherit it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_NOTHING: Mapping[str, str] = {}
_BOUND: ContextVar[Mapping[str, str]] = ContextVar("bound", default=_NOTHING)


@contextmanager
def bound(**facts: str | None) -> Iterator[None]:
    """Within it, every line shows these facts; a None is none. Names are those of the columns:
    `payment_id`, `operation_id`."""
    token = _BOUND.set(_with(facts))
    try:
        yield
    finally:
        _BOUND.reset(token)


def bind(**facts: str | None) -> None:
    """The same until the innermost `bound` around it ends."""
    _BOUND.set(_with(facts))


def facts() -> Mapping[str, str]:
    """What is bound now."""
    return _BOUND.get()


def _with(facts: Mapping[str, str | None]) -> Mapping[str, str]:
    given = {name: fact for name, fact in facts.items() if fact is not None}
    return {**_BOUND.get(), **given}
