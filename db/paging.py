"""Keyset pages: ids sort by time, so a page is a range of ids, newest first, at any depth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Select, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.reports import COUNT_MAX, Page, PageRequest

T = TypeVar("T")


async def read_page(
    connection: AsyncConnection,
    rows: Select[Any],
    key: ColumnElement[str],
    page: PageRequest,
    item_of: Callable[[Row[Any]], T],
) -> Page[T]:
    """The slice of `rows` that `page` asks for. `key` is the id by which they are ordered.

    One row more than asked for tells whether the slice was cut. On the other side there is at least
    the row that the cursor names.
    """
    found = (await connection.execute(_slice(rows, key, page))).all()
    cut = len(found) > page.limit
    items = [item_of(row) for row in found[: page.limit]]
    if page.backwards:
        items.reverse()
    before, after = page.before is not None, page.after is not None
    return Page(
        items=items,
        has_next=before or (cut and not page.backwards),
        has_previous=after or (cut and page.backwards),
    )


async def count_rows(connection: AsyncConnection, rows: Select[Any]) -> int | None:
    """How many rows there are; None above COUNT_MAX, where counting stops."""
    bounded = rows.with_only_columns(literal_column("1")).limit(COUNT_MAX + 1).subquery()
    count = (await connection.execute(select(func.count()).select_from(bounded))).scalar_one()
    return None if count > COUNT_MAX else int(count)


def _slice(rows: Select[Any], key: ColumnElement[str], page: PageRequest) -> Select[Any]:
    if page.after is not None:
        rows = rows.where(key < page.after)
    if page.before is not None:
        rows = rows.where(key > page.before)
    order = key.asc() if page.backwards else key.desc()
    return rows.order_by(order).limit(page.limit + 1)
