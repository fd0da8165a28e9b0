"""Webhook events over HTTP: read, narrowed, replayed, and worked off by the real worker."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.caller import Role
from domain.ids import Prefix, new_id
from tests.e2e.graphql.merchant import Json, Merchant, a_token, eventually
from tests.e2e.graphql.staff import Staff, sql

EVENT = """
    __typename id gatewayType eventId eventType status processed errorMessage isLive apiVersion
    attemptCount createdAt processedAt nextAttemptAt payload payment { id status }
    attempts { number startedAt durationMs outcome error isManual }
"""
ONE = f"query ($id: ID!) {{ webhookEvent(id: $id) {{ {EVENT} }} }}"
LIST = f"""query ($f: WebhookEventFilter, $first: Int, $after: String) {{
    webhookEvents(filter: $f, first: $first, after: $after) {{
        nodes {{ {EVENT} }} pageInfo {{ hasNextPage endCursor }} totalCount
    }} }}"""
OF_PAYMENT = """query ($id: ID!) { payment(id: $id) {
    webhookEvents { nodes { id eventType } totalCount } } }"""
NODE = "query ($id: ID!) { node(id: $id) { __typename ... on WebhookEvent { eventType } } }"
REPLAY = """mutation ($id: ID!) { replayWebhookEvent(id: $id) {
    __typename
    ... on WebhookEvent { id status errorMessage attemptCount processedAt }
    ... on Error { code detailCode message retryable }
    ... on NotFoundError { missing: id }
    ... on InvalidStateError { attempted }
} }"""
REPLAY_DEAD = """mutation ($f: WebhookEventFilter) { replayDeadWebhookEvents(filter: $f) {
    __typename
    ... on ReplayWebhookEventsSuccess { replayedCount skippedCount remainingCount }
    ... on Error { code detailCode }
    ... on ValidationError { issues { path rule } }
} }"""
BURY = """UPDATE webhook_events SET status = 'DEAD', attempts = attempts + 8, processed_at = NULL,
    error_message = 'It would not.', next_attempt_at = NULL, lease_until = NULL WHERE id = $1"""
READERS = {Role.DEVELOPER, Role.OPERATOR, Role.ADMIN}
REPLAYERS = {Role.OPERATOR, Role.ADMIN}


def events(merchant: Merchant, **given: Any) -> Json:
    """A page of the merchant's events."""
    page = merchant.query(LIST, **given)["webhookEvents"]
    assert isinstance(page, dict)
    return page


def event(merchant: Merchant, event_id: str) -> Json:
    """One event as it is now."""
    found = merchant.query(ONE, id=event_id)["webhookEvent"]
    assert isinstance(found, dict)
    return found


def heard(merchant: Merchant) -> tuple[str, str]:
    """A payment that was charged, and its event charge.succeeded, worked off."""
    payment_id = merchant.paid("chargePayment")
    wanted = {"eventType": "charge.succeeded", "paymentId": payment_id, "statusIn": ["PROCESSED"]}
    eventually(lambda: events(merchant, f=wanted)["nodes"], seconds=20)
    return payment_id, str(events(merchant, f=wanted)["nodes"][0]["id"])


def buried(merchant: Merchant) -> tuple[str, str]:
    """The same, the event having died."""
    payment_id, event_id = heard(merchant)
    sql(merchant, BURY, event_id)
    return payment_id, event_id


def replay(merchant: Merchant, event_id: str, token: str | None = None) -> Json:
    """What replayWebhookEvent came to."""
    return dict(merchant.query(REPLAY, token=token, id=event_id)["replayWebhookEvent"])


def test_an_event_is_read_with_its_tries(merchant: Merchant) -> None:
    """By its id, in the list, by node, at its payment; the payload is the gateway's, without client
    secrets."""
    payment_id, event_id = heard(merchant)
    found = event(merchant, event_id)
    of_payment = merchant.query(OF_PAYMENT, id=payment_id)["payment"]["webhookEvents"]

    assert (found["eventType"], found["status"], found["processed"]) == (
        "charge.succeeded", "PROCESSED", True,
    )  # fmt: skip
    assert found["payment"] == {"id": payment_id, "status": "PAID"}
    assert (found["gatewayType"], found["isLive"], found["attemptCount"]) == ("STRIPE", False, 1)
    ((attempt),) = found["attempts"]
    assert (attempt["number"], attempt["outcome"], attempt["isManual"]) == (1, "PROCESSED", False)
    assert found["payload"]["id"] == found["eventId"]
    assert "_secret_" not in json.dumps(found["payload"])
    assert event_id in [node["id"] for node in of_payment["nodes"]]
    assert of_payment["totalCount"] == len(of_payment["nodes"])
    assert merchant.query(NODE, id=event_id)["node"] == {
        "__typename": "WebhookEvent", "eventType": "charge.succeeded",
    }  # fmt: skip


def test_events_are_narrowed_counted_and_walked(merchant: Merchant) -> None:
    """By status, type, time and payment; the pages hold each event once."""
    payment_id, event_id = buried(merchant)
    other_id, _ = heard(merchant)
    at = event(merchant, event_id)["createdAt"]

    def ids(**narrowed: object) -> list[str]:
        page = events(merchant, f=narrowed)
        assert page["totalCount"] == len(page["nodes"])
        return [str(node["id"]) for node in page["nodes"]]

    assert ids(statusIn=["DEAD"]) == [event_id]
    assert ids(statusIn=["DEAD"], eventType="charge.succeeded", paymentId=payment_id) == [event_id]
    assert ids(statusIn=["DEAD"], paymentId=other_id) == []
    assert ids(statusIn=["DEAD"], createdAt={"gte": at}) == [event_id]
    assert ids(statusIn=["DEAD"], createdAt={"lt": at}) == []
    assert ids(eventType="charge.%") == []
    assert ids(paymentId="nonsense") == ids(paymentId="\ud800") == ids(paymentId="x\0") == []
    first = events(merchant, first=1, f={"eventType": "charge.succeeded"})
    rest = events(
        merchant, f={"eventType": "charge.succeeded"}, after=first["pageInfo"]["endCursor"]
    )
    walked = [str(node["id"]) for node in first["nodes"] + rest["nodes"]]
    assert walked == ids(eventType="charge.succeeded")
    assert first["pageInfo"]["hasNextPage"] is True


def test_a_dead_event_is_replayed_and_worked_off(merchant: Merchant) -> None:
    """The worker takes it up, the try is one by hand, no money moves, and the audit knows who."""
    payment_id, event_id = buried(merchant)
    calls, rows = merchant.calls(), merchant.rows()
    answer = replay(merchant, event_id)
    eventually(lambda: event(merchant, event_id)["status"] == "PROCESSED", seconds=20)
    after = event(merchant, event_id)
    (line,) = sql(
        merchant,
        "SELECT * FROM audit_log WHERE tenant_id = $1 AND action = 'webhook_event.replayed'",
        merchant.tenant_id,
    )

    assert answer == {
        "__typename": "WebhookEvent", "id": event_id, "status": "RECEIVED", "errorMessage": None,
        "attemptCount": 9, "processedAt": None,
    }  # fmt: skip
    assert [(at["number"], at["isManual"]) for at in after["attempts"]] == [(1, False), (10, True)]
    assert (after["attemptCount"], after["errorMessage"]) == (10, None)
    assert merchant.calls() == calls
    assert merchant.rows() == rows | {"audit_log": rows["audit_log"] + 1}
    assert (line["actor_id"], line["subject_id"]) == ("server", event_id)
    paid = "query ($id: ID!) { payment(id: $id) { capturedAmount { amountCents } refundStatus } }"
    assert merchant.query(paid, id=payment_id)["payment"] == {
        "capturedAmount": {"amountCents": 10_000}, "refundStatus": "NONE",
    }  # fmt: skip


def test_two_administrators_at_once(merchant: Merchant) -> None:
    """One wins, the other is told; there is one line, and one try."""
    _, event_id = buried(merchant)
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(lambda _: replay(merchant, event_id), range(2)))
    eventually(lambda: event(merchant, event_id)["status"] == "PROCESSED", seconds=20)
    count = "SELECT count(*) AS n FROM audit_log WHERE subject_id = $1"

    kinds = sorted(str(answer["__typename"]) for answer in answers)
    lines = sql(merchant, count, event_id)[0]["n"]
    manual = [at for at in event(merchant, event_id)["attempts"] if at["isManual"]]
    # The second may come when the worker is done already: then it is a replay of its own.
    told = kinds.count("InvalidStateError")
    assert lines == len(manual) == 2 - told
    for answer in answers:
        if answer["__typename"] == "InvalidStateError":
            assert (answer["detailCode"], answer["retryable"]) == ("EVENT_IN_PROGRESS", True)
            assert (answer["code"], answer["attempted"]) == ("INVALID_STATE", "REPLAY")


def test_dead_events_are_replayed_together(merchant: Merchant) -> None:
    """Those that match; one that was emptied is counted, told honestly, and refused by itself."""
    first, second = buried(merchant), buried(merchant)
    sql(merchant, "UPDATE webhook_events SET payload = '{}' WHERE id = $1", second[1])
    none = merchant.query(REPLAY_DEAD, f={"eventType": "charge.refunded"})
    wrong = merchant.query(REPLAY_DEAD, f={"statusIn": ["PROCESSED"]})["replayDeadWebhookEvents"]
    done = merchant.query(REPLAY_DEAD)["replayDeadWebhookEvents"]
    refused = replay(merchant, second[1])
    eventually(lambda: event(merchant, first[1])["status"] == "PROCESSED", seconds=20)

    success = "ReplayWebhookEventsSuccess"
    assert none["replayDeadWebhookEvents"] == {
        "__typename": success, "replayedCount": 0, "skippedCount": 0, "remainingCount": 0,
    }  # fmt: skip
    assert wrong["issues"] == [{"path": ["filter", "statusIn"], "rule": "STATUS_NOT_DEAD"}]
    assert done == {
        "__typename": success, "replayedCount": 1, "skippedCount": 1, "remainingCount": 0,
    }  # fmt: skip
    assert (refused["__typename"], refused["detailCode"]) == (
        "InvalidStateError",
        "PAYLOAD_MISSING",
    )
    assert event(merchant, second[1])["payload"] == {}
    assert event(merchant, second[1])["status"] == "DEAD"


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.CHECKOUT, Role.PLATFORM_ADMIN}))
def test_who_reads_and_who_replays(merchant: Merchant, role: Role) -> None:
    """DEVELOPER reads, OPERATOR and ADMIN replay too, others neither; refusals write nothing."""
    event_id = new_id(Prefix.WEBHOOK_EVENT)
    token = a_token(merchant.settings, merchant.tenant_id, role)
    before = merchant.rows()
    listed = merchant.ask(LIST, token=token).json
    asked = merchant.ask(REPLAY, token=token, id=event_id).json

    assert ("errors" not in listed) is (role in READERS)
    assert ("errors" not in asked) is (role in REPLAYERS)
    assert merchant.rows() == before


def test_a_shopper_has_no_events(merchant: Merchant) -> None:
    """Not those of its own payment either."""
    payment_id, event_id = heard(merchant)
    order = "query ($id: ID!) { payment(id: $id) { order { id } } }"
    order_id = str(merchant.query(order, id=payment_id)["payment"]["order"]["id"])
    token = merchant.checkout_token(order_id)

    assert merchant.ask(LIST, token=token).codes == ["FORBIDDEN"]
    assert merchant.ask(ONE, token=token, id=event_id).codes == ["FORBIDDEN"]
    assert merchant.ask(OF_PAYMENT, token=token, id=payment_id).codes == ["FORBIDDEN"]
    assert merchant.ask(REPLAY, token=token, id=event_id).codes == ["FORBIDDEN"]
    assert merchant.ask(NODE, token=token, id=event_id).json["data"]["node"] is None


def test_anothers_events_are_not_there(merchant: Merchant, competitor: Merchant) -> None:
    """By id, by node, by payment, by replay: the same answer as for what there is not, and nothing
    is written."""
    payment_id, event_id = buried(competitor)
    missing = new_id(Prefix.WEBHOOK_EVENT)
    before = sql(
        competitor, "SELECT to_jsonb(e)::text FROM webhook_events e WHERE id = $1", event_id
    )
    rows = merchant.rows(), competitor.rows()
    for asked in (event_id, missing, "nonsense", "we_\ud800"):
        assert merchant.query(ONE, id=asked)["webhookEvent"] is None
        assert merchant.query(NODE, id=asked)["node"] is None
    answers = [replay(merchant, asked) for asked in (event_id, missing)]
    together = merchant.query(REPLAY_DEAD, f={"paymentId": payment_id})["replayDeadWebhookEvents"]
    after = sql(
        competitor, "SELECT to_jsonb(e)::text FROM webhook_events e WHERE id = $1", event_id
    )

    assert [answer.pop("missing") for answer in answers] == [event_id, missing]
    assert answers[0] == answers[1]
    assert answers[0]["code"] == "NOT_FOUND"
    assert together["replayedCount"] == together["skippedCount"] == 0
    assert events(merchant, f={"paymentId": payment_id})["totalCount"] == 0
    assert (after, (merchant.rows(), competitor.rows())) == (before, rows)


def test_the_platforms_people_replay_within_a_tenant(merchant: Merchant) -> None:
    """For a reason, which stands in the tenant's audit before the replay does."""
    _, event_id = buried(merchant)
    staff = Staff(merchant)
    alone = staff.ask(REPLAY, id=event_id)
    done = staff.act(REPLAY, id=event_id).json["data"]["replayWebhookEvent"]
    lines = sql(
        merchant,
        "SELECT action FROM audit_log WHERE tenant_id = $1 AND actor_type = 'USER'"
        " AND action LIKE ANY ('{platform.%,webhook_event.%}') ORDER BY id",
        merchant.tenant_id,
    )

    assert alone.codes == ["FORBIDDEN"]
    assert (done["__typename"], done["status"]) == ("WebhookEvent", "RECEIVED")
    assert [line["action"] for line in lines] == ["platform.acted", "webhook_event.replayed"]
