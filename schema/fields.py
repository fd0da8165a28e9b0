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
    description: str, *, allow: str | None = None, otherwise_null: bool = False
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Makes a method a field. `allow` names the operation whose roles may read it; with
    `otherwise_null` others read null instead of an error."""
    extensions: list[FieldExtension] = (
        [Allow(allow, otherwise_null=otherwise_null)] if allow else []
    )
    decorator: Callable[[Callable[P, R]], Callable[P, R]] = strawberry.field(
        description=description, extensions=extensions
    )
    return decorator
