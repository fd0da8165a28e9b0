"""What the audit keeps of a request in which the platform's people act."""

from __future__ import annotations

import pytest
from graphql import parse

from schema.acting import describe


@pytest.mark.parametrize(
    ("document", "name", "expected"),
    [
        ("{ viewer { id } }", None, "query { viewer }"),
        ("query A { viewer { id } } ", None, "query A { viewer }"),
        ("query A { viewer } mutation B { x: cancelOrder }", "B", "mutation B { cancelOrder }"),
        ("{ b: orders { nodes { id } } a: orders { nodes { id } } }", None, "query { orders }"),
        ("{ ...f } fragment f on Query { orders viewer { id } }", None, "query { orders, viewer }"),
        ("{ ... on Query { ... { orders } } payments }", None, "query { orders, payments }"),
        ("{ ...f ...f } fragment f on Query { ...f orders }", None, "query { orders }"),
        ("fragment f on Query { orders }", None, "nothing"),
    ],
)  # fmt: skip
def test_the_operation_that_runs_is_named_by_its_fields(
    document: str, name: str | None, expected: str
) -> None:
    """Kind, name and root fields, by their own names; fragments are looked into once."""
    assert describe(parse(document), name) == expected
