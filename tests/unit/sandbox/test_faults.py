"""Matching of faults, and their effect on answers and deliveries without a socket."""

import random
import re

import pytest

from sandbox.faults import BEFORE, WEBHOOK_KINDS, Fault, Faults, Kind
from sandbox.wire import Response
from tests.unit.sandbox.client import CONFIRMED, Caller

INTENTS = "/v1/payment_intents"


def _faults(*faults: Fault) -> Faults:
    held = Faults(random.Random(1))  # noqa: S311
    for fault in faults:
        held.order(fault)
    return held


def test_path_matches_in_full_and_method_exactly() -> None:
    """A fault hits its own method, path and account only."""
    faults = _faults(
        Fault("f", Kind.LATENCY, "POST", re.compile(INTENTS), account="acct_1", times=None)
    )

    assert faults.strike_call("POST", INTENTS, "acct_1")
    assert not faults.strike_call("GET", INTENTS, "acct_1")
    assert not faults.strike_call("POST", f"{INTENTS}/pi_1/capture", "acct_1")
    assert not faults.strike_call("POST", INTENTS, "acct_2")


def test_times_are_counted() -> None:
    """A fault of two times hits twice and is gone."""
    faults = _faults(Fault("f", Kind.RATE_LIMIT, times=2))
    struck = [bool(faults.strike_call("GET", "/v1/events", "a")) for _ in range(3)]

    assert struck == [True, True, False]
    assert faults.all() == []


def test_chance() -> None:
    """A fault of probability 0.3 hits about three calls in ten."""
    faults = _faults(Fault("f", Kind.RATE_LIMIT, times=None, probability=0.3))
    struck = sum(bool(faults.strike_call("GET", "/v1/events", "a")) for _ in range(1000))

    assert 250 < struck < 350


def test_webhook_faults_leave_calls_alone() -> None:
    """Faults of deliveries and of calls do not touch one another."""
    faults = _faults(Fault("f", Kind.WEBHOOK_LOSE, type=re.compile(r"charge\..*"), times=None))

    assert not faults.strike_call("POST", INTENTS, "a")
    assert faults.strike_delivery("charge.updated", "a")
    assert not faults.strike_delivery("refund.created", "a")


def _struck(kind: Kind) -> tuple[Response, int]:
    caller = Caller()
    caller.order("faults", kind=kind, seconds=2, method="POST")
    response = caller.send("POST", INTENTS, CONFIRMED, idempotency_key="k")
    return response, len(caller.look("ledger")["charges"])


@pytest.mark.parametrize("kind", sorted(set(Kind) - WEBHOOK_KINDS))
def test_effect_is_as_ordered(kind: Kind) -> None:
    """Kinds that strike before have no effect, all others have one."""
    _, charges = _struck(kind)

    assert charges == (0 if kind in BEFORE else 1)


@pytest.mark.parametrize(
    ("kind", "status", "delay", "dropped"),
    [
        (Kind.LATENCY, 200, 2, False),
        (Kind.RATE_LIMIT, 429, 0, False),
        (Kind.LOCK_TIMEOUT, 429, 0, False),
        (Kind.UNAVAILABLE, 503, 0, False),
        (Kind.ERROR_BEFORE, 500, 0, False),
        (Kind.ERROR_AFTER, 500, 0, False),
        (Kind.DROP_BEFORE, 500, 0, True),
        (Kind.DROP_AFTER, 200, 0, True),
        (Kind.HANG_AFTER, 200, 2, True),
        (Kind.GARBLED, 200, 0, False),
        (Kind.HTML, 200, 0, False),
        (Kind.IGNORE_KEYS, 200, 0, False),
    ],
)
def test_answer_is_as_ordered(kind: Kind, status: int, delay: float, dropped: bool) -> None:  # noqa: FBT001
    """Each kind spoils the answer in its own way."""
    response, _ = _struck(kind)

    assert (response.status, response.delay_seconds, response.dropped) == (status, delay, dropped)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "earthquake"},
        {"kind": "latency", "seconds": "long"},
        {"kind": "latency", "path": "("},
        {"kind": "latency", "times": 1.5},
        {"kind": "latency", "method": 7},
    ],
)
def test_wrong_orders_are_refused(body: dict[str, object]) -> None:
    """A fault that cannot be understood is refused and not in force."""
    caller = Caller()
    refused = caller.control("POST", "faults", **body)

    assert refused.status == 400
    assert caller.look("faults") == []
