"""What a document costs, known before it runs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from graphql import parse
from hypothesis import given
from hypothesis import strategies as st

from domain.reports import PAGE_SIZE_DEFAULT
from schema.codes import RequestErrorCode
from schema.limits import (
    BULK_COST,
    COST_MAX,
    MONEY_COST,
    MUTATION_COST,
    VARIABLES_MAX,
    DocumentRefused,
    check_document,
    check_variables,
)
from schema.measuring import REPORTS

PAGE = "nodes { id order { id } } edges { cursor node { id } } pageInfo { hasNextPage }"
"""Four objects for each item, and one for the page."""


def cost(document: str, variables: Mapping[str, object] | None = None) -> int:
    """The document's cost."""
    return check_document(parse(document), variables).cost


@pytest.mark.parametrize(
    ("document", "points"),
    [
        ("{ __typename }", 1),
        ("{ viewer { id } }", 1),
        ("{ viewer { id roles tenant { id name } } }", 2),
        ("{ a: viewer { id } b: viewer { id } }", 2),
        ("{ viewer { id } } { viewer { id } order { id } }", 2),
        ("{ payments { totalCount } }", 2),
        ("{ feeReport { netCents rows { tenant { id } } } }", 3 + REPORTS["feeReport"]),
        ("{ payments(first: 10) { nodes { id } } }", 11),
        (f"{{ payments(first: 10) {{ {PAGE} }} }}", 1 + 10 * 4 + 1),
        (f"{{ payments(last: 10) {{ ...f }} }} fragment f on C {{ {PAGE} }}", 1 + 10 * 4 + 1),
        ("{ payments(first: 10) { ... { nodes { id } } nodes { order { id } } } }", 1 + 10 * 3),
        ("{ orders(first: 5) { nodes { payments(first: 3) { nodes { id } } } } }", 1 + 5 * 5),
        ("{ nodes(ids: [1, 2, 3]) { id order { id } } }", 1 + 3),
        ("{ payments(first: 99999999) { nodes { id } } }", 101),
        ("{ payments { nodes { id } } }", 1 + PAGE_SIZE_DEFAULT),
        ("mutation { cancelOrder { order { id } } }", MUTATION_COST + 2),
        ("mutation { chargePayment { payment { id } } }", MONEY_COST + 2),
        ("mutation { ...f } fragment f on M { chargePayment { payment { id } } }", MONEY_COST + 2),
        ("mutation { a: createOrder { id } b: createOrder { id } }", 2 * MUTATION_COST + 2),
        ("query { chargePayment { id } }", 1),
        ("mutation { replayWebhookEvent { id } }", MUTATION_COST + 1),
        ("mutation { replayDeadWebhookEvents { n } }", MUTATION_COST + BULK_COST + 1),
    ],
)  # fmt: skip
def test_a_document_costs_its_objects(document: str, points: int) -> None:
    """An object 1, an item's objects for each item, a mutation more, one that moves money most."""
    assert cost(document) == points


@pytest.mark.parametrize(
    ("told", "items"), [(7, 7), ([1, 2], 2), (None, 100), ("x", 100), (0, 100), (10**12, 100)]
)
def test_a_variable_tells_the_size(told: object, items: int) -> None:
    """A page's size from the variables; one that cannot be counts as the largest."""
    document = "query ($n: Int) { payments(first: $n) { nodes { id } } }"

    assert cost(document, {"n": told}) == 1 + items


def test_too_dear_a_document_is_refused() -> None:
    """A document that no budget could carry is too complex."""
    objects = " ".join(f"a{at} {{ id }}" for at in range(48))
    dear = "{ payments(first: 100) { nodes { " + objects + " } } }"

    assert cost(dear) == 1 + 100 * 49
    with pytest.raises(DocumentRefused, match=f"{COST_MAX} points") as refused:
        cost(dear.replace("nodes {", "nodes { b { id } "))
    assert refused.value.code is RequestErrorCode.QUERY_TOO_COMPLEX


@given(st.integers(1, 100), st.integers(1, 100), st.integers(0, 5))
def test_more_costs_no_less(first: int, more: int, objects: int) -> None:
    """A larger page, or another object in it, is never cheaper."""
    inner = " ".join(f"a{at} {{ id }}" for at in range(objects))
    few, many = sorted((first, more))
    small = cost(f"{{ payments(first: {few}) {{ nodes {{ id {inner} }} }} }}")
    large = cost(f"{{ payments(first: {many}) {{ nodes {{ id {inner} }} }} }}")
    fuller = cost(f"{{ payments(first: {many}) {{ nodes {{ id {inner} z {{ id }} }} }} }}")

    assert small <= large < fuller


@pytest.mark.parametrize(
    ("at_most", "above"),
    [
        (
            {f"v{at}": 1 for at in range(VARIABLES_MAX)},
            {f"v{at}": 1 for at in range(VARIABLES_MAX + 1)},
        ),
        ({"ids": ["x"] * 100}, {"ids": ["x"] * 101}),
        ({"a": {"b": [["x"] * 100]}}, {"a": {"b": [["x"] * 101]}}),
        ({"a": dict.fromkeys("abc", 1)}, {"a": {str(at): 1 for at in range(101)}}),
        ({"a": [[1] * 99] * 9 + [[1] * 98]}, {"a": [[1] * 99] * 9 + [[1] * 99]}),
    ],
    ids=["variables", "items", "nested", "members", "values"],
)  # fmt: skip
def test_variables_have_an_end(at_most: dict[str, object], above: dict[str, object]) -> None:
    """So many variables, values, and items of a list, and no more."""
    check_variables(at_most)
    with pytest.raises(DocumentRefused) as refused:
        check_variables(above)

    assert refused.value.code is RequestErrorCode.QUERY_TOO_COMPLEX
