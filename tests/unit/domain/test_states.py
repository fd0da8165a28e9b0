"""The state machines: every pair of every table, against the design's own words."""

from collections.abc import Mapping
from enum import StrEnum
from itertools import product

import pytest

from domain import dispute, inbox, operation, payment, refund
from domain.dispute import DisputeStatus as D
from domain.inbox import WebhookEventStatus as W
from domain.operation import OperationState
from domain.payment import PaymentStatus as P
from domain.payment import may_become
from domain.refund import RefundStatus as R
from tests.builders import NOW, a_payment

PAYMENT = """
    PENDING: REQUIRES_ACTION PROCESSING AUTHORIZED PAID FAILED CANCELED EXPIRED
    REQUIRES_ACTION: PROCESSING AUTHORIZED PAID FAILED CANCELED EXPIRED
    PROCESSING: REQUIRES_ACTION AUTHORIZED PAID FAILED CANCELED EXPIRED
    AUTHORIZED: PAID CANCELED EXPIRED
    FAILED: AUTHORIZED PAID
    PAID:
    CANCELED:
    EXPIRED:
"""
REFUND = """
    REQUESTED: PENDING SUCCEEDED FAILED CANCELED
    PENDING: SUCCEEDED FAILED CANCELED
    SUCCEEDED: FAILED CANCELED
    FAILED:
    CANCELED:
"""
DISPUTE = """
    INQUIRY: NEEDS_RESPONSE UNDER_REVIEW WON LOST CLOSED
    NEEDS_RESPONSE: UNDER_REVIEW WON LOST CLOSED
    UNDER_REVIEW: NEEDS_RESPONSE WON LOST CLOSED
    WON: NEEDS_RESPONSE UNDER_REVIEW LOST CLOSED
    LOST: NEEDS_RESPONSE UNDER_REVIEW WON CLOSED
    CLOSED: INQUIRY NEEDS_RESPONSE UNDER_REVIEW WON LOST
"""
OPERATION = """
    CREATED: SENDING SUCCEEDED REJECTED
    SENDING: SUCCEEDED DECLINED REJECTED UNKNOWN CREATED
    UNKNOWN: SUCCEEDED DECLINED REJECTED MANUAL_REVIEW
    MANUAL_REVIEW: SUCCEEDED DECLINED REJECTED
    SUCCEEDED:
    DECLINED:
    REJECTED:
"""
EVENT = """
    RECEIVED: PROCESSING
    PROCESSING: PROCESSED IGNORED RETRY DEAD
    RETRY: PROCESSING DEAD
    PROCESSED: RECEIVED
    IGNORED: RECEIVED
    DEAD: RECEIVED
"""


def _pairs(text: str) -> set[tuple[str, str]]:
    lines = (line.partition(":") for line in text.strip().splitlines())
    return {(before.strip(), after) for before, _, rest in lines for after in rest.split()}


@pytest.mark.parametrize(
    ("members", "table", "text"),
    [
        (P, payment.TRANSITIONS, PAYMENT),
        (R, refund.TRANSITIONS, REFUND),
        (D, dispute.TRANSITIONS, DISPUTE),
        (OperationState, operation.TRANSITIONS, OPERATION),
        (W, inbox.TRANSITIONS, EVENT),
    ],
    ids=["payment", "refund", "dispute", "operation", "webhook event"],
)
def test_every_pair_is_as_designed(
    members: type[StrEnum], table: Mapping[StrEnum, frozenset[StrEnum]], text: str
) -> None:
    """Each of all pairs of states is allowed exactly where the design allows it."""
    allowed = _pairs(text)

    assert set(table) == set(members)
    for before, after in product(members, members):
        assert (after in table[before]) is ((before.value, after.value) in allowed)


@pytest.mark.parametrize("status", list(P))
def test_a_closed_failure_is_an_end(status: P) -> None:
    """A FAILED payment leaves only while its intent is open."""
    still_open = a_payment(status=P.FAILED)
    closed = a_payment(status=P.FAILED, intent_closed_at=NOW)

    assert may_become(still_open, status) is (status in {P.AUTHORIZED, P.PAID})
    assert not may_become(closed, status)
    assert still_open.is_live
    assert not closed.is_live


@pytest.mark.parametrize("status", list(P))
def test_available_actions_follow_the_state(status: P) -> None:
    """A caller is offered what the state allows, and nothing else."""
    captured = 10_000 if status is P.PAID else 0
    actions = a_payment(status=status, authorized=10_000, captured=captured).available_actions

    expected = {
        P.PENDING: ["CANCEL"],
        P.REQUIRES_ACTION: ["CANCEL"],
        P.PROCESSING: ["CANCEL"],
        P.AUTHORIZED: ["CAPTURE", "CANCEL"],
        P.PAID: ["REFUND"],
    }
    assert list(actions) == expected.get(status, [])
