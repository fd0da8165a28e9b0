"""One pass over a document's bytes finds every card number that reading each text finds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.card_numbers import shows_card_number
from domain.card_scan import is_plain
from webhooks.envelope import read_envelope

CARD = "4242424242424242"
PIECES = st.sampled_from(
    [
        *("4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "378282246310005"),
        *("4242", "42", "4", " ", "-", "\u00a0", "\u2013", "\u200b", ".", "/", "_", "|", "*", "+"),
        *("a", "pi_", "\u0664\u0662", "\u0664", "é", "\n", "\t", "\\", '"', ",", ":", "{", "]"),
        *("1700000000", "976910110049114", "2026-10-28", "\x1c", "\u2028", "\x00", "😀"),
    ]
)
TEXTS = st.lists(PIECES, max_size=9).map("".join)
VALUES = st.recursive(
    TEXTS | st.integers(0, 10**19) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def texts(value: object) -> list[str]:
    """Every text in the value, names of fields too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for each in pair for text in texts(each)]
    return [text for item in value for text in texts(item)] if isinstance(value, list) else []


@settings(max_examples=400)
@given(value=VALUES, is_ascii=st.booleans(), indent=st.sampled_from([None, 2]))
@example(value={"a": "\u0664" * 16}, is_ascii=False, indent=None)
@example(value=["4242", "4242", "4242", "4242"], is_ascii=False, indent=2)
@example(value={"a": 4242, "b": f"x {CARD}"}, is_ascii=False, indent=2)
def test_no_card_number_is_passed_over(value: object, is_ascii: bool, indent: int | None) -> None:  # noqa: FBT001
    """Where the scan says that there is none, no text shows one; written in whatever way."""
    document = json.dumps(value, ensure_ascii=is_ascii, indent=indent).encode()
    if is_plain(document):
        assert [text for text in texts(value) if shows_card_number(text)] == []


@settings(max_examples=200)
@given(data=VALUES, is_ascii=st.booleans())
def test_an_event_is_cleaned_alike_either_way(data: object, is_ascii: bool) -> None:  # noqa: FBT001
    """An escape in the document has every text read: what is kept is the same without one."""
    event: dict[str, Any] = {"id": "evt_1", "type": "t", "livemode": False, "data": data}
    plain = json.dumps(event, ensure_ascii=is_ascii).encode()
    escaped = plain.replace(b'"livemode"', rb'"livemod\u0065"')

    quick, slow = read_envelope(plain), read_envelope(escaped)
    assert quick.payload == slow.payload
    if quick.document is None or slow.document is None:
        assert quick.document is slow.document
    else:
        assert json.loads(quick.document) == json.loads(slow.document) == slow.payload


@pytest.mark.parametrize("shown", [CARD, "4242 4242 4242 4242", "4242.4242.4242.4242"])
@pytest.mark.parametrize("name", [False, True])
def test_what_is_found_is_taken_out(shown: str, name: bool) -> None:  # noqa: FBT001
    """In a value as in a name of a merchant's own."""
    data = {shown: 1} if name else {"note": shown}
    body = json.dumps({"id": "evt_1", "type": "t", "livemode": False, "data": data}).encode()

    assert shown not in json.dumps(dict(read_envelope(body).payload))


def test_what_is_like_one_is_not_read() -> None:
    """Ids, times, amounts, dates and the network's transaction id cost no reading of each text."""
    event = {
        "id": "evt_1MqqbKLt4dXK03v5qaIbiNCC",
        "created": 1_700_000_000,
        "api_version": "2026-10-28.endive",
        "amounts": [100, 2_000, 30_000],
        "network_transaction_id": "976910110049114",
        "name": "Zoë Müller",
    }
    assert is_plain(json.dumps(event, indent=2, ensure_ascii=False).encode())
