"""Ids and input hashes."""

import time

from hypothesis import given
from hypothesis import strategies as st

from domain.idempotency import input_hash
from domain.ids import Prefix, is_id, new_id, prefix_of


def test_ids_are_typed_unique_and_sorted_by_time() -> None:
    """An id tells its type, never comes twice, and sorts after those of an earlier millisecond."""
    ids = []
    for _ in range(50):
        ids.append(new_id(Prefix.PAYMENT))
        time.sleep(0.001)

    assert ids == sorted(ids)
    assert len(set(ids)) == 50
    assert all(is_id(each, Prefix.PAYMENT) and prefix_of(each) is Prefix.PAYMENT for each in ids)


@given(st.text(max_size=40))
def test_no_text_upsets_the_reader_of_ids(text: str) -> None:
    """Any text is an id of one type or of none."""
    prefix = prefix_of(text)

    assert prefix is None or is_id(text, prefix)
    assert prefix_of(f"pay_{text}") in {None, Prefix.PAYMENT}


values = st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), st.none()), max_size=6)


@given(values)
def test_the_order_of_fields_does_not_change_the_hash(value: dict[str, object]) -> None:
    """The same input hashes alike however it was put together."""
    assert input_hash(value) == input_hash(dict(reversed(value.items())))


@given(values, values)
def test_another_input_has_another_hash(one: dict[str, object], other: dict[str, object]) -> None:
    """Two inputs hash alike only when they are the same."""
    assert (input_hash(one) == input_hash(other)) is (one == other)
