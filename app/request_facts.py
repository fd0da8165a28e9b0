"""What becomes known of a request while it is answered, for the log and the metrics."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

_KEY = "tollgate.facts"


@dataclass(slots=True)
class RequestFacts:
    """`operation` is the root field that was executed, `outcome` the first code of the answer's
    errors."""

    operation: str | None = None
    outcome: str = "ok"

    def name_operation(self, operation: str) -> None:
        """Notes what is executed."""
        self.operation = operation


def facts_of(scope: Scope) -> RequestFacts:
    """The request's facts; the same object at each call."""
    facts = scope.setdefault(_KEY, RequestFacts())
    if not isinstance(facts, RequestFacts):
        raise TypeError("the scope's facts are something else")
    return facts
