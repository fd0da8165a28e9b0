"""Slices of lists: what may be asked for, and what a slice says about itself."""

from __future__ import annotations

import pytest

from domain.ids import Prefix, new_id
from domain.reports import Page, PageRequest
from schema.codes import BadInput
from schema.connection import connect, page_request
from schema.types import Payment
from tests.builders import a_payment

CURSOR = "pay_0000000000000000000000000a"


def test_a_slice_starts_at_the_front_by_default() -> None:
    """Without arguments, the first 25."""
    assert page_request(Prefix.PAYMENT) == PageRequest(limit=25)


def test_a_slice_may_go_on_or_come_from_the_end() -> None:
    """first and after go forwards, last and before backwards."""
    assert page_request(Prefix.PAYMENT, first=2, after=CURSOR) == PageRequest(limit=2, after=CURSOR)
    assert page_request(Prefix.PAYMENT, last=3, before=CURSOR) == PageRequest(
        limit=3, before=CURSOR, backwards=True
    )


@pytest.mark.parametrize(
    "asked",
    [
        {"first": 1, "last": 1},
        {"first": 0},
        {"first": -1},
        {"first": 101},
        {"last": 0},
        {"last": 101},
    ],
)
def test_a_size_out_of_range_is_refused(asked: dict[str, int]) -> None:
    """1 to 100 from one end."""
    with pytest.raises(BadInput):
        page_request(Prefix.PAYMENT, **asked)  # type: ignore[arg-type]  # all of them are sizes


@pytest.mark.parametrize(
    "cursor", ["", "x", "pay_1", "ord_0000000000000000000000000a", CURSOR + "\0"]
)
def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    """A cursor has the id's prefix and shape."""
    for asked in ({"after": cursor}, {"before": cursor}):
        with pytest.raises(BadInput):
            page_request(Prefix.PAYMENT, **asked)  # type: ignore[arg-type]  # both are cursors


async def test_a_slice_names_its_ends() -> None:
    """Cursors are the items' ids, and nodes are the edges' items."""
    payments = [a_payment(id=new_id(Prefix.PAYMENT)) for _ in range(3)]

    async def count() -> int:
        return 9

    connection = connect(Page(payments, has_next=True, has_previous=False), Payment.of, count)

    assert [edge.cursor for edge in connection.edges] == [payment.id for payment in payments]
    assert connection.page_info.start_cursor == payments[0].id
    assert connection.page_info.end_cursor == payments[-1].id
    assert connection.page_info.has_next_page
    assert not connection.page_info.has_previous_page
    assert connection.nodes() == [edge.node for edge in connection.edges]
    assert await connection.total_count() == 9


async def test_an_empty_slice_has_no_cursors() -> None:
    """Nothing found, nothing to go on from."""

    async def count() -> int:
        return 0

    connection = connect(Page((), has_next=False, has_previous=False), Payment.of, count)

    assert connection.edges == []
    assert connection.page_info.start_cursor is None
    assert connection.page_info.end_cursor is None
