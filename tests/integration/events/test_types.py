"""Each type of event, full-size, through the route: what it makes of a real payment, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from domain.inbox import WebhookEventStatus
from tests.events.catalog import Shape, event
from tests.events.facts import Facts, Json
from tests.events.older import refund_without_charge
from tests.integration.events.mailbox import Mailbox, Moved
from tests.integration.events.rows import ROWS, Row

pytestmark = pytest.mark.asyncio(loop_scope="module")

FOREIGN_VERSION = "2031-05-01.zinnia"


@dataclass(frozen=True)
class Teller:
    """One way to tell of the same fact."""

    name: str
    tell: Callable[[str, Facts], Json]


def _lying(type_: str, facts: Facts) -> Json:
    """Today's shape, with every amount and the currency wrong."""
    wrong = replace(
        facts,
        amount=77,
        captured=33,
        refund_amount=1,
        refunded=11,
        dispute_amount=2,
        currency="eur",
    )
    return event(type_, wrong)


def _foreign(type_: str, facts: Facts) -> Json:
    """A version that does not exist yet, with fields that nobody here knows."""
    made = event(type_, facts)
    data = made["data"]
    assert isinstance(data, dict)
    unknown: Json = {"settlement_preference": {"instant": [True, None, 0.5]}, "shards": []}
    return made | {
        "api_version": FOREIGN_VERSION,
        "context": "acct_1NirD82eZvKYlo2C",
        "data": {**data, "object": {**data["object"], **unknown}, "changes": unknown},
    }


def _of_its_charge(type_: str, facts: Facts) -> Json:
    """The oldest shape of refunds and disputes: they name their charge alone, and nothing of us."""
    made = event(type_, facts, Shape.OLDER)
    data = made["data"]
    assert isinstance(data, dict)
    lacking = ("payment_intent", "metadata")
    bare = {name: at for name, at in data["object"].items() if name not in lacking}
    return made | {"api_version": "2018-05-21", "data": {"object": bare | {"metadata": {}}}}


CURRENT = Teller("current", event)
OLDER = Teller("older", lambda type_, facts: event(type_, facts, Shape.OLDER))
LYING = Teller("lying", _lying)
FOREIGN = Teller("foreign", _foreign)
OF_ITS_CHARGE = Teller("of its charge", _of_its_charge)
NAMED_BY_CHARGE = [type_ for type_ in ROWS if "refund." in type_ or ".dispute." in type_]


@pytest.mark.parametrize(
    ("type_", "told"),
    [
        *((type_, told) for type_ in ROWS for told in (CURRENT, OLDER, LYING)),
        *((type_, OF_ITS_CHARGE) for type_ in NAMED_BY_CHARGE),
    ],
    ids=lambda given: given if isinstance(given, str) else given.name,
)
async def test_what_an_event_does(mailbox: Mailbox, type_: str, told: Teller) -> None:
    """The gateway's own picture is recorded, whatever the payload says and in which shape; the same
    delivery again, and every other way to tell the same, change nothing more."""
    row = ROWS[type_]
    payment = await row.scene(mailbox.shop)
    facts = await mailbox.facts(payment)
    alerts = (await mailbox.moved(payment)).alerts
    first = told.tell(type_, facts)
    done = await mailbox.deliver(first)
    after = await mailbox.moved(payment)

    assert (done.status, done.error_message) == (WebhookEventStatus.PROCESSED, None)
    assert (done.tenant_id, done.payment_id) == (payment.tenant_id, payment.id)
    assert (done.attempts, done.event_type) == (1, type_)
    assert await mailbox.audited(first) == row.audit
    assert _as_row(row, after) == row
    assert after.alerts == tuple(sorted((*alerts, *row.alerts)))

    assert await mailbox.deliver(first) == done
    for other in (OLDER, FOREIGN) if told is CURRENT else (CURRENT,):
        again = await mailbox.deliver(other.tell(type_, facts))
        assert again.status is WebhookEventStatus.PROCESSED, other.name
        assert await mailbox.moved(payment) == after, other.name


def _as_row(row: Row, moved: Moved) -> Row:
    """What is so, as the row says what should be."""
    return replace(
        row,
        payment=moved.payment.status,
        order=moved.order.status,
        captured=moved.payment.captured,
        refunded=moved.payment.refunded,
        refunds=tuple((one.status, one.amount, one.origin) for one in moved.refunds),
        disputes=tuple((one.status, one.amount) for one in moved.disputes),
        dispute=moved.payment.dispute_status,
        lost=moved.payment.dispute_lost,
        timeline=moved.timeline,
    )


@pytest.mark.parametrize("status", ["succeeded", "pending", "failed"])
async def test_a_refund_without_a_charge_is_nobodys(mailbox: Mailbox, status: str) -> None:
    """Before 2024-10-28 `refund.*` told of such refunds alone: a customer's cash balance sent back.
    They are nothing of ours, and IGNORED with the reason."""
    type_ = "refund.failed" if status == "failed" else "refund.created"
    made = event(type_, Facts(), Shape.OLDER)
    done = await mailbox.deliver(
        made | {"data": {"object": refund_without_charge(Facts(), status=status)}}
    )

    assert (done.status, done.payment_id) == (WebhookEventStatus.IGNORED, None)
    assert done.error_message == "The event is not about a payment of ours."
    assert await mailbox.audited(made) == ()
