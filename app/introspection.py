"""Who may read the schema from the API, and who may write documents of their own where others send
trusted ones: those who build against it."""

from __future__ import annotations

from typing import Literal

from domain.caller import Caller, Role

Introspection = Literal["all", "roles", "off"]

BUILDERS = frozenset({Role.DEVELOPER, Role.ADMIN, Role.PLATFORM_ADMIN})


def is_builder(caller: Caller) -> bool:
    """Whether the caller has a role that builds against the API."""
    return bool(caller.roles & BUILDERS)


def may_introspect(caller: Caller, setting: Introspection) -> bool:
    """Whether `__schema` and `__type` answer to the caller; `__typename` always does."""
    return setting == "all" or (setting == "roles" and is_builder(caller))
