"""Fields that compute their value: Strawberry's decorator, typed, with roles by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import strawberry
from strawberry.extensions import FieldExtension

from schema.directives import Allow

P = ParamSpec("P")
R = TypeVar("R")


def computed(
    description: str, *, allow: str | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Makes a method a field. `allow` names the operation whose roles may read it."""
    extensions: list[FieldExtension] = [Allow(allow)] if allow else []
    decorator: Callable[[Callable[P, R]], Callable[P, R]] = strawberry.field(
        description=description, extensions=extensions
    )
    return decorator
