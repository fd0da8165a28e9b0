"""A mutation whose answer may not be read does nothing."""

from __future__ import annotations

import pytest
from graphql import GraphQLObjectType, build_schema
from strawberry.types.execution import PreExecutionError

from domain.caller import Role
from schema.limits import DocumentRefused
from schema.permitting import PAGES
from schema.schema import SDL_PATH
from tests.builders import an_order
from tests.unit.schema.shop import Shelf, Till, a_caller, execute

SHOPPER = a_caller(Role.CHECKOUT, order_id=an_order().id)
CHARGE = """
    mutation ($order: ID!, $yes: Boolean = true, $no: Boolean!) {
      chargePayment(input: {
        orderId: $order, paymentMethod: {type: CARD, token: "pm_card_visa"}, idempotencyKey: "k"
      }) { __typename ... on Error { code } ... on PaymentSuccess { payment { id %s } } }
    }
    fragment Fees on Payment { platformFee { amountCents } }
    fragment Failure on Payment { failure { declineCode } }
"""


def charge(selected: str) -> str:
    """The document, with this selected of the payment."""
    used = "...Failure ...Fees @skip(if: true) at: createdAt @include(if: $yes) @skip(if: $no)"
    return CHARGE % f"{used} {selected}"


@pytest.mark.parametrize(
    "selected",
    [
        "metadata",
        "...Fees",
        "... on Node { id } ... { refunds { totalCount } }",
        "metadata @skip(if: $no)",
        "metadata @include(if: $yes)",
        "order { id metadata }",
    ],
)
async def test_no_card_is_charged_for_an_answer_that_is_refused(selected: str) -> None:
    """The field would take the answer along: FORBIDDEN, and the shopper had paid."""
    till, shelf = Till(), Shelf(all_orders=[an_order()])
    variables: dict[str, object] = {"order": an_order().id, "no": False}
    refused, good = [
        await execute(charge(selected), caller=caller, till=till, shelf=shelf, variables=variables)
        for caller in (SHOPPER, a_caller(Role.OPERATOR))
    ]

    assert isinstance(refused, PreExecutionError)
    assert refused.errors
    assert isinstance(refused.errors[0], DocumentRefused)
    assert "nothing was done" in refused.errors[0].message
    assert good.errors is None
    assert len(till.heard) == 1


@pytest.mark.parametrize(
    "selected",
    [
        "timeline(first: 101) { totalCount }",
        "refunds(first: 0) { totalCount }",
        'timeline(after: "re_1") { totalCount }',
        "order { payments(first: -1) { totalCount } }",
        "refunds(first: $size) { totalCount }",
    ],
)
async def test_no_card_is_charged_for_a_page_out_of_range(selected: str) -> None:
    """The page would take the answer along: BAD_USER_INPUT, and the card was charged."""
    till = Till()
    variables: dict[str, object] = {"order": an_order().id, "no": False}
    document = charge(selected)
    if "$size" in selected:
        document = document.replace("$no:", "$size: Int = 1000, $no:", 1)
    merchant = a_caller(Role.OPERATOR)
    result = await execute(document, caller=merchant, till=till, variables=variables)

    assert isinstance(result, PreExecutionError)
    assert result.errors
    assert "Nothing was done" in result.errors[0].message
    assert till.heard == []


def test_every_list_in_an_answer_is_looked_at() -> None:
    """A list that has pages, on any type that a mutation may answer with."""
    graph = build_schema(SDL_PATH.read_text(encoding="utf-8"))
    paged = {
        f"{name}.{field}"
        for name, kind in graph.type_map.items()
        if isinstance(kind, GraphQLObjectType) and name != "Query"
        for field, at in kind.fields.items()
        if "first" in at.args
    }

    assert paged == PAGES.keys()


@pytest.mark.parametrize(
    "selected",
    ["status", "metadata @include(if: $no)", "metadata @skip(if: $yes)", "failure { declineCode }"],
)
async def test_what_is_left_out_or_null_refuses_nothing(selected: str) -> None:
    """One document serves shoppers and merchants, with directives; some fields read null."""
    till = Till()
    variables: dict[str, object] = {"order": an_order().id, "no": False}
    result = await execute(charge(selected), caller=SHOPPER, till=till, variables=variables)

    assert result.errors is None
    assert len(till.heard) == 1


async def test_a_mutation_beside_one_that_is_refused_does_nothing() -> None:
    """The refused one would take the whole answer along."""
    till = Till()
    beside = charge("status").replace(
        "chargePayment", 'cancelOrder(input: {orderId: "o", idempotencyKey: "k"}) { __typename }'
        " chargePayment", 1,
    )  # fmt: skip
    variables: dict[str, object] = {"order": an_order().id, "no": False}
    result = await execute(beside, caller=SHOPPER, till=till, variables=variables)

    assert isinstance(result, PreExecutionError)
    assert till.heard == []
