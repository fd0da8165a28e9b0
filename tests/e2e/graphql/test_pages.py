"""Lists over HTTP: walked to the end from both sides, filtered, counted."""

from __future__ import annotations

import pytest

from tests.e2e.graphql.merchant import Merchant

FORWARDS = """query ($first: Int, $after: String) { orders(first: $first, after: $after) {
    nodes { id } edges { cursor node { id } } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
BACKWARDS = """query ($last: Int, $before: String) { orders(last: $last, before: $before) {
    nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_a_list_is_walked_from_both_ends(merchant: Merchant, size: int) -> None:
    """Every order comes once, newest first, whatever the size of the page and the direction."""
    made = [merchant.order() for _ in range(7)]
    newest_first = made[::-1]
    forwards, cursor, pages = [], None, 0
    while True:
        page = merchant.query(FORWARDS, first=size, after=cursor)["orders"]
        forwards += [node["id"] for node in page["nodes"]]
        pages += 1
        assert page["totalCount"] == 7
        assert [edge["node"] for edge in page["edges"]] == page["nodes"]
        assert page["pageInfo"]["hasPreviousPage"] is (cursor is not None)
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    backwards: list[str] = []
    cursor = None
    while True:
        page = merchant.query(BACKWARDS, last=size, before=cursor)["orders"]
        backwards = [node["id"] for node in page["nodes"]] + backwards
        assert page["pageInfo"]["hasNextPage"] is (cursor is not None)
        cursor = page["pageInfo"]["startCursor"]
        if not page["pageInfo"]["hasPreviousPage"]:
            break

    assert forwards == backwards == newest_first
    assert pages == -(-7 // size)


def test_payments_are_filtered(merchant: Merchant) -> None:
    """Filters hold together: status, order, currency, time, search."""
    paid = merchant.paid("chargePayment")
    held = merchant.paid("authorizePayment")
    document = """query ($f: PaymentFilter) { payments(filter: $f) { nodes { id } totalCount } }"""

    def found(**given: object) -> list[str]:
        page = merchant.query(document, f=given)["payments"]
        assert page["totalCount"] == len(page["nodes"])
        return [node["id"] for node in page["nodes"]]

    order = merchant.query(
        "query ($id: ID!) { payment(id: $id) { order { id reference } createdAt } }", id=paid
    )["payment"]
    assert found() == [held, paid]
    assert found(statusIn=["PAID"]) == [paid]
    assert found(statusIn=["PAID", "AUTHORIZED"]) == [held, paid]
    assert found(orderId=order["order"]["id"]) == [paid]
    assert found(orderId="nonsense") == []
    assert found(currency="EUR") == []
    assert found(createdAt={"lt": order["createdAt"]}) == []
    assert found(createdAt={"gte": order["createdAt"]}) == [held, paid]
    assert found(search=held) == [held]
    assert found(search=order["order"]["reference"]) == [paid]
    assert found(search="%") == []
    assert found(isDisputed=True) == []
    assert found(statusIn=["PAID"], search=held) == []


def test_orders_are_found_by_id_and_reference(merchant: Merchant) -> None:
    """order(by:) takes either name; one that is not there is null."""
    order_id = merchant.order()
    reference = merchant.query(
        "query ($id: ID!) { order(by: {id: $id}) { reference } }", id=order_id
    )["order"]["reference"]
    data = merchant.query(
        """query ($reference: SafeText!) {
            order(by: {reference: $reference}) { id }
            other: order(by: {reference: "no such order"}) { id }
        }""",
        reference=reference,
    )

    assert data == {"order": {"id": order_id}, "other": None}


def test_nested_lists_page_too(merchant: Merchant) -> None:
    """An order's payments and a payment's refunds have the same shape and go on by cursor."""
    payment_id = merchant.paid("chargePayment")
    made = [
        merchant.do("refundPayment", paymentId=payment_id, amountCents=100)["refund"]["id"]
        for _ in range(3)
    ]
    document = """query ($id: ID!, $after: String) { payment(id: $id) {
        refunds(first: 2, after: $after) { nodes { id } totalCount
            pageInfo { hasNextPage endCursor } } } }"""
    first = merchant.query(document, id=payment_id)["payment"]["refunds"]
    rest = merchant.query(document, id=payment_id, after=first["pageInfo"]["endCursor"])
    second = rest["payment"]["refunds"]

    assert [node["id"] for node in first["nodes"] + second["nodes"]] == made[::-1]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    assert first["totalCount"] == 3


@pytest.mark.parametrize(
    "asked",
    ["first: 0", "first: -1", "first: 101", "first: 1, last: 1", 'after: "x"', 'before: "pay_1"'],
)
def test_a_slice_that_cannot_be_is_refused(merchant: Merchant, asked: str) -> None:
    """Sizes out of range and cursors of other lists are the caller's bug."""
    answer = merchant.ask(f"{{ orders({asked}) {{ nodes {{ id }} }} }}")

    assert answer.codes == ["BAD_USER_INPUT"]
