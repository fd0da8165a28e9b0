"""Metadata: what a caller may attach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.metadata import KEYS_MAX, read_metadata
from domain.text import composed

LETTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp"])
VALUES = st.text(LETTERS, max_size=500).filter(lambda text: composed(text) == text)
KEYS = st.text(LETTERS, min_size=1, max_size=40).filter(
    lambda text: composed(text) == text and not {"[", "]"} & set(text)
)


@given(
    st.dictionaries(
        KEYS.filter(lambda key: not key.casefold().startswith("tollgate_")), VALUES, max_size=40
    )
)
def test_an_object_of_strings_is_taken(value: dict[str, str]) -> None:
    """Keys and values within the lengths come back as they are."""
    assert read_metadata(value) == (value, ())


def test_no_metadata_is_empty() -> None:
    """null is an empty object."""
    assert read_metadata(None) == ({}, ())


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ([], "METADATA_NOT_AN_OBJECT"),
        ("a", "METADATA_NOT_AN_OBJECT"),
        (1, "METADATA_NOT_AN_OBJECT"),
        ({str(at): "" for at in range(KEYS_MAX + 1)}, "METADATA_TOO_MANY_KEYS"),
        ({"": "a"}, "METADATA_KEY_INVALID"),
        ({"k" * 41: "a"}, "METADATA_KEY_INVALID"),
        ({"a[0]": "a"}, "METADATA_KEY_INVALID"),
        ({"a\0": "a"}, "METADATA_KEY_INVALID"),
        ({"tollgate_payment_id": "a"}, "METADATA_KEY_RESERVED"),
        ({"Tollgate_X": "a"}, "METADATA_KEY_RESERVED"),
        ({"k": 1}, "METADATA_VALUE_INVALID"),
        ({"k": None}, "METADATA_VALUE_INVALID"),
        ({"k": {"a": "b"}}, "METADATA_VALUE_INVALID"),
        ({"k": "v" * 501}, "METADATA_VALUE_INVALID"),
        ({"k": "\0"}, "METADATA_VALUE_INVALID"),
        ({"k": "\ud800"}, "METADATA_VALUE_INVALID"),
        ({"k": "a\nb"}, "METADATA_VALUE_INVALID"),
        ({"k": "\u202eb"}, "METADATA_VALUE_INVALID"),
        ({"a\u200bb": "a"}, "METADATA_KEY_INVALID"),
        ({"\u00e9": "a", "e\u0301": "b"}, "METADATA_KEY_INVALID"),
    ],
)
def test_each_rule_is_named(value: object, rule: str) -> None:
    """What breaks a rule gives no metadata and the rule's name."""
    metadata, issues = read_metadata(value)

    assert metadata == {}
    assert [issue.rule for issue in issues] == [rule]
    assert issues[0].path == ("input", "metadata")


def test_texts_are_composed() -> None:
    """Keys and values are kept in one form, so that what looks equal is equal."""
    assert read_metadata({"e\u0301": "e\u0301"}) == ({"\u00e9": "\u00e9"}, ())
