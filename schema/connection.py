"""Lists in slices: one shape for every connection, and what a caller may ask a slice to be.

The shape is Relay's (relay.dev/graphql/connections.htm) with a `nodes` shortcut. A cursor is the id
of the row it stands for; clients take it as opaque.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Generic, Protocol, TypeVar

import strawberry

from domain.ids import Prefix, is_id
from domain.reports import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, Page, PageRequest
from schema.codes import BadInput
from schema.fields import computed

N = TypeVar("N")

Count = Callable[[], Awaitable[int | None]]

First = Annotated[
    int | None,
    strawberry.argument(
        description=f"How many to take from the start, 1 to {PAGE_SIZE_MAX}; "
        f"{PAGE_SIZE_DEFAULT} when neither first nor last is given."
    ),
]
FirstOfMany = Annotated[
    int | None,
    strawberry.argument(
        description=f"How many to take, 1 to {PAGE_SIZE_MAX}; {PAGE_SIZE_DEFAULT} when left out."
    ),
]
FirstOfAll = Annotated[
    int | None,
    strawberry.argument(description=f"How many to take from the start, 1 to {PAGE_SIZE_MAX}."),
]
After = Annotated[str | None, strawberry.argument(description="Take those after this cursor.")]
Last = Annotated[
    int | None,
    strawberry.argument(description=f"How many to take from the end, 1 to {PAGE_SIZE_MAX}."),
]
Before = Annotated[str | None, strawberry.argument(description="Take those before this cursor.")]


class Identified(Protocol):
    """What a list holds: something with an id."""

    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=Identified)


@strawberry.type(description="Where a slice stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there are more after this slice.")
    has_previous_page: bool = strawberry.field(
        description="Whether there are more before this slice."
    )
    start_cursor: str | None = strawberry.field(description="The first item's cursor.")
    end_cursor: str | None = strawberry.field(description="The last item's cursor.")


@strawberry.type(description="An item of a list with its cursor.")
class Edge(Generic[N]):
    cursor: str = strawberry.field(description="Where the item stands, for after and before.")
    node: N = strawberry.field(description="The item.")


@strawberry.type(description="A slice of a list, newest first.")
class Connection(Generic[N]):
    edges: list[Edge[N]] = strawberry.field(description="The items with their cursors.")
    page_info: PageInfo = strawberry.field(description="Where the slice stands in the list.")
    count: strawberry.Private[Count]

    @computed("The items without their cursors.")
    def nodes(self) -> list[N]:
        return [edge.node for edge in self.edges]

    @computed("How many there are in all; null above 10 000.")
    async def total_count(self) -> int | None:
        return await self.count()


def connect(page: Page[R], project: Callable[[R], N], count: Count) -> Connection[N]:
    """The page as a connection. `count` runs only where totalCount is selected."""
    edges = [Edge(cursor=item.id, node=project(item)) for item in page.items]
    info = PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Connection(edges=edges, page_info=info, count=count)


def page_request(
    prefix: Prefix,
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> PageRequest:
    """The slice that the arguments ask for, of a list of objects with this id prefix.

    Raises BadInput for both ends at once, a size out of range, or a cursor of another list.
    """
    if first is not None and last is not None:
        raise BadInput("Give first or last, not both.")
    limit = first if first is not None else last
    if limit is not None and not 1 <= limit <= PAGE_SIZE_MAX:
        raise BadInput(f"first and last are 1 to {PAGE_SIZE_MAX}.")
    if any(cursor is not None and not is_id(cursor, prefix) for cursor in (after, before)):
        raise BadInput("A cursor is the one that an earlier page of the same list gave.")
    return PageRequest(
        limit=PAGE_SIZE_DEFAULT if limit is None else limit,
        after=after,
        before=before,
        backwards=last is not None,
    )
