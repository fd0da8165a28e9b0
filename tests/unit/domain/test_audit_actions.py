"""The table of the audit's actions, held against the code that writes them."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from typing import get_args

import pytest

from db.rotation import Verb
from domain.audit_actions import ACTIONS
from domain.audit_lines import dispute_entry, refund_entry
from domain.dispute import DisputeStatus
from domain.free_text import withheld
from domain.order import OrderStatus
from domain.payment import TRANSITIONS, PaymentStatus
from domain.refund import RefundStatus
from domain.snapshot import GatewayDisputeStatus
from tests.builders import ACTOR, NOW, a_paid_payment, a_refund
from tests.house.tree import of_packages
from tests.unit.domain.disputes import a_dispute, taken

COMPOSED = {
    "order.": {"created", "updated"} | {status.lower() for status in OrderStatus},
    "payment.": {"created", "updated", "capture_requested", "cancel_requested"}
    | {to.lower() for after in TRANSITIONS.values() for to in after},
    "refund.": {"updated"} | {status.lower() for status in RefundStatus},
    "dispute.": {"opened", "updated"} | {status.lower() for status in DisputeStatus},
    "gateway.": {"added", "enabled", "disabled", "changed"},
    "tenant.": {"created", "tier_assigned"},
    "fee_tier.": {"created", "updated", "archived"},
    "fee_override.": {"set", "ended"},
    "credentials.": set(get_args(Verb)),
}
"""The verbs that complete each prefix which the code composes actions from."""

HANDING_ON = {"domain/audit_lines.py": 0, "domain/pricing_audit.py": 1}
"""Files whose `_entry` takes the action, and as which argument."""

PASSED_ON = {("db/audit.py", "row.action"), *((name, "action") for name in HANDING_ON)}
"""Where an action is read back from the database, or handed on within the file."""


def written() -> Iterator[tuple[str, ast.expr]]:
    """Every value that the code gives an entry as its action, with where it stands."""
    for source in of_packages():
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            if name == "AuditEntry":
                yield from (
                    (source.name, keyword.value)
                    for keyword in node.keywords
                    if keyword.arg == "action"
                )
            elif source.name in HANDING_ON and name == "_entry":
                yield source.name, node.args[HANDING_ON[source.name]]


def actions(value: ast.expr) -> set[str]:
    """What the value can be: a text, or a known prefix with any of its verbs."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return {value.value}
    assert isinstance(value, ast.JoinedStr), ast.dump(value)
    prefix = value.values[0]
    assert isinstance(prefix, ast.Constant), ast.dump(value)
    begins = str(prefix.value)
    return {begins + verb for verb in COMPOSED[begins]}


def test_the_table_is_what_the_code_can_write() -> None:
    """Every action that the code can write has its meaning, and the table has no other."""
    found = {
        action
        for name, value in written()
        if (name, ast.unparse(value)) not in PASSED_ON
        for action in actions(value)
    }

    assert PaymentStatus.PENDING not in {to for after in TRANSITIONS.values() for to in after}
    assert found == set(ACTIONS)


def test_a_refund_whose_details_became_known_is_updated() -> None:
    """The same status again is no second success in the timeline."""
    before = a_refund(status=RefundStatus.SUCCEEDED)
    line = refund_entry(before, before, a_paid_payment(refunded=4_000), ACTOR, NOW)

    assert (line.action, line.actor) == ("refund.updated", ACTOR)
    assert line.before is not None
    assert line.after is not None
    assert (line.after["refunded"], line.after["status"]) == (4_000, "PAID")


def test_a_dispute_has_its_lines() -> None:
    """Opened, moved, or only its details: each is told with its money, and with an amount where the
    timeline's currency is the dispute's."""
    closed = a_dispute(GatewayDisputeStatus.WARNING_CLOSED)
    inquiry = a_dispute(GatewayDisputeStatus.WARNING_NEEDS_RESPONSE)
    foreign = a_dispute(GatewayDisputeStatus.LOST, taken(), currency="EUR")
    payment = a_paid_payment(dispute_lost=10_000, dispute_fee=1_500)

    lines = [
        dispute_entry(before, after, payment, ACTOR, NOW)
        for before, after in ((None, foreign), (closed, inquiry), (inquiry, inquiry))
    ]
    told = [line.after or {} for line in lines]

    assert [line.action for line in lines] == [
        "dispute.opened",
        "dispute.inquiry",
        "dispute.updated",
    ]
    assert [line.before is None for line in lines] == [True, False, False]
    assert [one.get("amount") for one in told] == [None, 10_000, 10_000]
    assert (told[0]["withdrawn"], told[0]["fee_charged"]) == (10_000, 1_500)
    assert {(one["dispute_lost"], one["dispute_fee"]) for one in told} == {(10_000, 1_500)}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Ann Payer <ann.payer+x@mail.example.com> called", "Ann Payer <[e-mail removed]> called"),
        ("key sk_live_51Habc leaked", "key [secret removed] leaked"),
        ("rk_test_1 whsec_9 pi_3a_secret_b", "[secret removed] [secret removed] [secret removed]"),
        ("Bearer eyJhbGciOi.eyJzdWIi.c2ln", "Bearer [token removed]"),
        ("two @ 5.00, order A-1", "two @ 5.00, order A-1"),
        ("", ""),
    ],
)
def test_free_text_is_kept_without_what_must_be_erasable(given: str, kept: str) -> None:
    """The log takes nothing back: addresses and secrets never go in."""
    assert withheld(given) == kept


@pytest.mark.parametrize("unit", ["a", "1-", "a@", "a@a.", "aa_secret_"])
def test_a_long_text_takes_no_long_time(unit: str) -> None:
    """An operation's name may be as long as a body, and the whole process waits for it."""
    text = unit * (60_000 // len(unit))
    start = time.process_time()
    withheld(text)

    assert time.process_time() - start < 1.0
