"""The states of an event and the wait between its tries."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.inbox import TRANSITIONS, TRIES_MAX, WebhookEventStatus, retry_delay_seconds

S = WebhookEventStatus
LEGAL = {
    (S.RECEIVED, S.PROCESSING),
    (S.PROCESSING, S.PROCESSED),
    (S.PROCESSING, S.IGNORED),
    (S.PROCESSING, S.RETRY),
    (S.PROCESSING, S.DEAD),
    (S.RETRY, S.PROCESSING),
    (S.RETRY, S.DEAD),
    (S.PROCESSED, S.RECEIVED),
    (S.IGNORED, S.RECEIVED),
    (S.DEAD, S.RECEIVED),
}


@pytest.mark.parametrize(("start", "end"), list(itertools.product(S, S)))
def test_every_pair_of_states(start: WebhookEventStatus, end: WebhookEventStatus) -> None:
    """An event moves as the design says: worked off, put off, buried, replayed; nothing else."""
    assert (end in TRANSITIONS[start]) is ((start, end) in LEGAL)


@given(st.integers(1, 100), st.floats(0, 1))
def test_the_jitter_stays_in_the_upper_half(attempts: int, chance: float) -> None:
    """Jitter shortens a wait by at most a half, and never lengthens it."""
    longest = retry_delay_seconds(attempts, 1.0)

    assert longest / 2 <= retry_delay_seconds(attempts, chance) <= longest


def test_the_waits_grow_from_a_second_to_hours() -> None:
    """The first tries wait for a commit, the last ones for a gateway's outage to end."""
    waits = [retry_delay_seconds(attempts, 1.0) for attempts in range(1, TRIES_MAX)]

    assert waits == sorted(waits)
    assert waits[:2] == [1.0, 2.0]
    assert sum(waits) > 6 * 3600
