"""Roles in the schema: what is printed and what is enforced come from the one access table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.schema_directive import Location
from strawberry.types.field import StrawberryField

from domain.caller import Role
from resolvers.access import NULLED, ROLES, permits, require
from schema.context import Info


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    description="The field answers to tokens with one of these roles; others get FORBIDDEN.",
)
class RequiresRole:
    roles: list[Role] = strawberry.directive_field(name="roles")


class Allow(FieldExtension):
    """Lets the roles of `resolvers.access.ROLES[operation]` pass and prints them as a directive.
    Others read null where the table says so, else get an error."""

    def __init__(self, operation: str) -> None:
        self.operation = operation

    def apply(self, field: StrawberryField) -> None:
        """Prints the roles, in the order of the enum."""
        roles = [role for role in Role if role in ROLES[self.operation]]
        field.directives = [*field.directives, RequiresRole(roles=roles)]

    def resolve(
        self, next_: Callable[..., object], source: object, info: Info, **kwargs: object
    ) -> object:
        """Raises Forbidden for a caller without the role."""
        return next_(source, info, **kwargs) if self._passes(info) else None

    async def resolve_async(
        self, next_: Callable[..., Awaitable[object]], source: object, info: Info, **kwargs: object
    ) -> object:
        """Raises Forbidden for a caller without the role."""
        return await next_(source, info, **kwargs) if self._passes(info) else None

    def _passes(self, info: Info) -> bool:
        caller = info.context.base.caller
        if self.operation in NULLED:
            return permits(caller, self.operation)
        require(caller, self.operation)
        return True
