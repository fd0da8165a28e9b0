"""Keyset pages in both directions, and counts that stop."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.reports import SqlReads
from db.work import SqlDatabase
from domain.order import OrderStatus
from domain.reports import COUNT_MAX, OrderFilter, PageRequest
from tests.integration.db.builders import an_order
from tests.integration.db.conftest import Merchant

ANY = OrderFilter()


@pytest_asyncio.fixture
async def newest_first(database: SqlDatabase, merchant: Merchant, rival: Merchant) -> list[str]:
    """Ids of five orders of the merchant; another tenant's lie between them."""
    orders = [an_order(owner) for _ in range(5) for owner in (merchant, rival)]
    async with database.begin(merchant.id) as work:
        for order in orders:
            await work.orders.add(order)
        await work.commit()
    return sorted((order.id for order in orders if order.tenant_id == merchant.id), reverse=True)


def expected_page(newest_first: Sequence[str], page: PageRequest) -> tuple[list[str], bool, bool]:
    """The slice as a list has it: ids, whether more follow, whether some precede."""
    start = newest_first.index(page.after) + 1 if page.after else 0
    end = newest_first.index(page.before) if page.before else len(newest_first)
    window = range(start, end)
    taken = window[-page.limit :] if page.backwards else window[: page.limit]
    if not taken:
        return [], page.before is not None, page.after is not None
    return (
        [newest_first[position] for position in taken],
        taken[-1] < len(newest_first) - 1,
        taken[0] > 0,
    )


async def test_every_page_of_a_short_list(
    reads: SqlReads, merchant: Merchant, newest_first: list[str]
) -> None:
    """All sizes, cursors and directions give what slicing the list gives."""
    cursors = [None, *newest_first]

    for limit, after, before, backwards in product((1, 2, 5, 6), cursors, cursors, (False, True)):
        request = PageRequest(limit=limit, after=after, before=before, backwards=backwards)
        page = await reads.order_page(merchant.id, ANY, request)

        found = ([order.id for order in page.items], page.has_next, page.has_previous)
        assert expected_page(newest_first, request) == found, request


async def test_walking_the_list_meets_every_row_once(
    reads: SqlReads, merchant: Merchant, newest_first: list[str]
) -> None:
    """Page by page forwards, and page by page backwards, until there are no more."""
    first = await reads.order_page(merchant.id, ANY, PageRequest(limit=2))
    down, ids = first, [order.id for order in first.items]
    while down.has_next:
        request = PageRequest(limit=2, after=ids[-1])
        down = await reads.order_page(merchant.id, ANY, request)
        ids += [order.id for order in down.items]
    assert newest_first == ids

    last = await reads.order_page(merchant.id, ANY, PageRequest(limit=2, backwards=True))
    up, ids = last, [order.id for order in last.items]
    while up.has_previous:
        request = PageRequest(limit=2, before=ids[0], backwards=True)
        up = await reads.order_page(merchant.id, ANY, request)
        ids = [order.id for order in up.items] + ids
    assert newest_first == ids


async def test_pages_of_a_filtered_list(
    database: SqlDatabase, reads: SqlReads, merchant: Merchant, newest_first: list[str]
) -> None:
    """Rows that do not meet the filter are neither on a page nor counted as following."""
    for order_id in newest_first[1::2]:
        async with database.begin(merchant.id) as work:
            order = await work.orders.lock(merchant.id, order_id)
            await work.orders.save(replace(order, status=OrderStatus.PAID))
            await work.commit()
    paid = OrderFilter(status_in=[OrderStatus.PAID])

    first = await reads.order_page(merchant.id, paid, PageRequest(limit=1))
    last = await reads.order_page(merchant.id, paid, PageRequest(limit=1, after=first.items[0].id))

    assert ([newest_first[1]], True) == ([order.id for order in first.items], first.has_next)
    assert ([newest_first[3]], False) == ([order.id for order in last.items], last.has_next)


async def test_a_row_added_meanwhile_does_not_shift_a_page(
    database: SqlDatabase, reads: SqlReads, merchant: Merchant, newest_first: list[str]
) -> None:
    """A new order at the head of the list is neither repeated nor does it push a row out."""
    first = await reads.order_page(merchant.id, ANY, PageRequest(limit=2))
    async with database.begin(merchant.id) as work:
        await work.orders.add(an_order(merchant))
        await work.commit()
    second = await reads.order_page(
        merchant.id, ANY, PageRequest(limit=3, after=first.items[-1].id)
    )

    assert newest_first == [order.id for order in (*first.items, *second.items)]


async def test_counting_stops_at_its_limit(
    engine: AsyncEngine, reads: SqlReads, merchant: Merchant, rival: Merchant
) -> None:
    """Up to COUNT_MAX the count is exact; one more, and there is none."""
    many = text(
        "INSERT INTO orders SELECT :tenant, 'ord_' || n, 'ref ' || n, 'OPEN', 'USD', 100, 0, 0,"
        " 100, false, NULL, '{}', NULL, now(), now() FROM generate_series(1, :count) n"
    )
    async with engine.begin() as connection:
        await connection.execute(many, {"tenant": merchant.id, "count": COUNT_MAX})
        await connection.execute(many, {"tenant": rival.id, "count": COUNT_MAX + 1})

    assert await reads.order_count(merchant.id, ANY) == COUNT_MAX
    assert await reads.order_count(rival.id, ANY) is None
    assert await reads.order_count(rival.id, OrderFilter(search="ord_7")) == 1
