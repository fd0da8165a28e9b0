"""Webhook events behind the schema: what is read together, what is read at all, what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.caller import Role
from domain.errors import AttemptedOperation, InvalidState, Issue, ValidationFailed
from domain.ids import Prefix, new_id
from domain.inbox import WebhookAttempt, WebhookEventStatus
from domain.inbox_reading import EventFilter
from domain.replaying import BulkReplayed
from tests.builders import NOW, a_payment, an_event_record
from tests.unit.schema.event_shelf import EventShelf, ReplayDesk
from tests.unit.schema.shop import Shelf, a_caller, execute

OPERATOR = a_caller(Role.OPERATOR)
EVENT = an_event_record(id=new_id(Prefix.WEBHOOK_EVENT))
TRY = WebhookAttempt(8, NOW, 12, WebhookEventStatus.DEAD, "in vain", is_manual=False)


def a_shelf(count: int, payment_id: str | None = None) -> EventShelf:
    """So many events, each with a try and a payload."""
    events = [
        replace(EVENT, id=new_id(Prefix.WEBHOOK_EVENT), payment_id=payment_id) for _ in range(count)
    ]
    return EventShelf(
        events,
        all_attempts={event.id: [TRY] for event in events},
        all_payloads={event.id: {"id": event.event_id} for event in events},
    )


async def test_a_page_reads_tries_and_payloads_at_once() -> None:
    """One read for all payments, one for all tries, one for all payloads."""
    payment = a_payment()
    shelf, reads = a_shelf(40, payment.id), Shelf(all_payments=[payment])
    document = """{ webhookEvents(first: 40) {
        nodes { attempts { number outcome } payload payment { id } } } }"""
    result = await execute(document, caller=OPERATOR, shelf=reads, replays=ReplayDesk(shelf))

    assert result.errors is None
    assert result.data is not None
    first = result.data["webhookEvents"]["nodes"][0]
    assert first["attempts"] == [{"number": 8, "outcome": "DEAD"}]
    assert (first["payload"], first["payment"]) == ({"id": "evt_1"}, {"id": payment.id})
    assert sorted(shelf.calls) == [("attempts", 40), ("payloads", 40)]
    assert reads.calls == ["payments"]


async def test_what_is_not_asked_for_is_not_read() -> None:
    """A list of statuses reads no payload, though that is most of an event."""
    shelf = a_shelf(3)
    document = "{ webhookEvents { nodes { id status errorMessage payment { id } } } }"
    result = await execute(document, caller=OPERATOR, replays=ReplayDesk(shelf))

    assert result.errors is None
    assert shelf.calls == []


async def test_an_emptied_payload_is_an_empty_object() -> None:
    """And an event that was not tried has no tries."""
    shelf = EventShelf([EVENT], all_payloads={EVENT.id: {}})
    document = (
        f'{{ webhookEvent(id: "{EVENT.id}") {{ payload attempts {{ number }} payment {{ id }} }} }}'
    )
    result = await execute(document, caller=OPERATOR, replays=ReplayDesk(shelf))

    assert result.errors is None
    assert result.data == {"webhookEvent": {"payload": {}, "attempts": [], "payment": None}}


async def test_the_filter_reaches_the_reads() -> None:
    """Every part of it; one for an id that is none is answered without asking."""
    shelf, payment = EventShelf(), a_payment()
    document = """query ($f: WebhookEventFilter) { webhookEvents(filter: $f) { totalCount } }"""
    given = {"statusIn": ["DEAD"], "eventType": "charge.failed", "paymentId": payment.id}
    for f in (given, {**given, "paymentId": "nonsense"}):
        result = await execute(
            document, caller=OPERATOR, replays=ReplayDesk(shelf), variables={"f": f}
        )
        assert result.errors is None

    assert shelf.asked == [
        EventFilter(
            status_in=[WebhookEventStatus.DEAD],
            event_type_in=["charge.failed"],
            payment_id=payment.id,
        )
    ]


REPLAY = """mutation ($id: ID!) { replayWebhookEvent(id: $id) {
    __typename ... on WebhookEvent { id } ... on Error { code detailCode retryable } } }"""


@pytest.mark.parametrize("detail_code", ["EVENT_IN_PROGRESS", "PAYLOAD_MISSING"])
async def test_a_refused_replay_is_a_member(detail_code: str) -> None:
    """With its code and whether to repeat it."""
    refusal = InvalidState(
        "No.", detail_code=detail_code, attempted=AttemptedOperation.REPLAY, retryable=True
    )
    desk = ReplayDesk(raises=refusal)
    result = await execute(REPLAY, caller=OPERATOR, replays=desk, variables={"id": EVENT.id})

    assert result.data == {
        "replayWebhookEvent": {
            "__typename": "InvalidStateError",
            "code": "INVALID_STATE",
            "detailCode": detail_code,
            "retryable": True,
        }
    }


@pytest.mark.parametrize(
    "event_id", ["nonsense", "pay_1", "", "we_\ud800", "ord_01m8aty1jke0pa0000prgqewae"]
)
async def test_what_is_no_id_is_not_asked_for(event_id: str) -> None:
    """The same answer as for a missing one, without a look at the database."""
    desk = ReplayDesk()
    result = await execute(REPLAY, caller=OPERATOR, replays=desk, variables={"id": event_id})

    assert result.data is not None
    assert result.data["replayWebhookEvent"]["code"] == "NOT_FOUND"
    assert desk.heard == []


async def test_replays_together_tell_their_counts() -> None:
    """Null where there are too many to count; a wrong filter is a member too."""
    document = """mutation { replayDeadWebhookEvents { __typename
        ... on ReplayWebhookEventsSuccess { replayedCount skippedCount remainingCount }
        ... on ValidationError { issues { path rule } } } }"""
    desk = ReplayDesk(done=BulkReplayed(replayed=500, skipped=0, remaining=None))
    done = await execute(document, caller=OPERATOR, replays=desk)
    desk.raises = ValidationFailed(Issue(("filter", "statusIn"), "STATUS_NOT_DEAD", "No."))
    wrong = await execute(document, caller=OPERATOR, replays=desk)

    assert done.data is not None
    assert done.data["replayDeadWebhookEvents"] == {
        "__typename": "ReplayWebhookEventsSuccess",
        "replayedCount": 500,
        "skippedCount": 0,
        "remainingCount": None,
    }
    assert wrong.data is not None
    assert wrong.data["replayDeadWebhookEvents"]["issues"] == [
        {"path": ["filter", "statusIn"], "rule": "STATUS_NOT_DEAD"}
    ]
    assert desk.heard == [EventFilter(), EventFilter()]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.FINANCE, Role.DEVELOPER])
async def test_others_replay_nothing(role: Role) -> None:
    """FORBIDDEN, before anything is done."""
    desk = ReplayDesk(EventShelf([EVENT]))
    result = await execute(REPLAY, caller=a_caller(role), replays=desk, variables={"id": EVENT.id})

    assert result.errors
    assert desk.heard == []
