"""What JSONB can hold, told without asking it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.receiving import json_bytes, json_document


@pytest.mark.parametrize(
    "unholdable",
    [
        {"note": "\0"},
        {"\0": 1},
        {"note": "\\\0"},
        {"note": "\ud800"},
        {"note": "\udc00\ud800"},
        {"much": float("inf")},
        {"much": -float("inf")},
    ],
    ids=str,
)
def test_what_jsonb_cannot_hold_is_kept_as_bytes(unholdable: dict[str, object]) -> None:
    """There is no document of it, and the bytes read as it was."""
    assert json_document(unholdable) is None
    assert json.loads(json_bytes(unholdable)) == unholdable


@pytest.mark.parametrize(
    "holdable",
    [{"note": "\\u0000"}, {"note": "\\\\u0000"}, {"note": "😀"}, {"much": 1e308}],
    ids=str,
)
def test_what_only_looks_like_it_is_a_document(holdable: dict[str, object]) -> None:
    """A text about an escape is no escape."""
    document = json_document(holdable)

    assert document is not None
    assert json.loads(document) == holdable


@given(st.text(alphabet=st.sampled_from("\\u0\0a"), max_size=12))
def test_a_nul_is_found_among_backslashes(text: str) -> None:
    """However many stand before it."""
    assert (json_document({"note": text}) is None) is ("\0" in text)
