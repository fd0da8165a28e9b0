"""What a field of the schema is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import strawberry

from resolvers.context import Context
from schema.budget import Budget, Unlimited
from schema.loaders import Loaders


def _unheard(_operation: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class GraphContext:
    """One request: `base` is what the resolvers take, `loaders` read through them, `budget` pays
    for it. Who may not introspect is refused `__schema` and `__type`. `name_operation` hears the
    root field that is executed."""

    base: Context
    budget: Budget = field(default_factory=Unlimited)
    may_introspect: bool = False
    name_operation: Callable[[str], None] = _unheard
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "loaders", Loaders(self.base))


Info = strawberry.Info[GraphContext, None]
