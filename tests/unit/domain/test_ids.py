"""Ids and input hashes."""

import time

from hypothesis import given
from hypothesis import strategies as st

from domain.idempotency import input_hash
from domain.ids import BACK_MAX, Draws, Prefix, is_id, new_id, prefix_of


def test_ids_are_typed_unique_and_sorted_by_time() -> None:
    """An id tells its type, never comes twice, and sorts after those made before."""
    ids = []
    for _ in range(50):
        ids.append(new_id(Prefix.PAYMENT))
        time.sleep(0.001)

    assert ids == sorted(ids)
    assert len(set(ids)) == 50
    assert all(is_id(each, Prefix.PAYMENT) and prefix_of(each) is Prefix.PAYMENT for each in ids)


def test_ids_of_one_millisecond_sort_as_they_were_made() -> None:
    """What one transaction writes reads back in the order of writing."""
    ids = [new_id(Prefix.AUDIT_ENTRY) for _ in range(20_000)]

    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


@given(st.lists(st.integers(min_value=-BACK_MAX, max_value=2), max_size=50))
def test_a_clock_that_stumbles_changes_no_order(steps: list[int]) -> None:
    """It stands still, or is set back a little; ids are never dated ahead of it by more."""
    draws, latest = Draws(), 1_000_000
    made = [draws.next(latest)]
    for step in steps:
        made.append(draws.next(latest + step))
        latest = max(latest, latest + step)

    assert made == sorted(set(made))
    assert made[-1][0] == latest


def test_a_clock_that_was_far_ahead_is_followed_back() -> None:
    """A date in an id is that of its making: reports cut by it."""
    draws = Draws()
    draws.next(1_000_000)

    assert draws.next(1_000_000 - BACK_MAX - 1)[0] == 1_000_000 - BACK_MAX - 1


def test_drawn_bits_that_run_over_are_the_next_millisecond() -> None:
    """Each step is at most a 16,000th of the room; after that many the next millisecond begins."""
    draws = Draws()
    made = [draws.next(1_000_000) for _ in range(40_000)]

    assert made == sorted(set(made))
    assert 1_000_000 < made[-1][0] <= 1_000_004
    assert all(0 <= drawn < 1 << 74 for _, drawn in made)


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
