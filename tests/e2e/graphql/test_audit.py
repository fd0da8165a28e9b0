"""The audit log over HTTP: who may read it, narrowed, walked, sealed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.caller import Role
from domain.ids import Prefix, new_id
from tests.e2e.graphql.merchant import Json, Merchant, a_token

ENTRIES = """query ($f: AuditFilter, $first: Int, $after: String) {
    auditEntries(filter: $f, first: $first, after: $after) {
        nodes {
            id at actorType actor action subjectId requestId ipAddress before after sequence hash
        }
        pageInfo { hasNextPage endCursor } totalCount
    } }"""
NODE = """query ($id: ID!) { node(id: $id) { __typename id ... on AuditEntry { action actor } } }"""
READERS = {Role.FINANCE, Role.ADMIN}


def entries(merchant: Merchant, **given: Any) -> Json:
    """A page of the merchant's log."""
    page = merchant.query(ENTRIES, **given)["auditEntries"]
    assert isinstance(page, dict)
    return page


def test_a_charge_is_told_from_its_request_to_its_end(merchant: Merchant) -> None:
    """Who, from where, for which request, from what to what. The e-mail address and
    the metadata of the order are not in it."""
    made = merchant.do(
        "createOrder",
        reference=merchant.key(),
        totalAmountCents=10_000,
        currency="USD",
        customerEmail="payer.canary@example.com",
        metadata={"name": "Canary"},
    )
    order_id = made["order"]["id"]
    payment_id = merchant.pay("chargePayment", order_id)["payment"]["id"]
    lines = {line["action"]: line for line in entries(merchant, f={"actor": "server"})["nodes"]}

    assert {action: line["subjectId"] for action, line in lines.items()} == {
        "order.paid": order_id,
        "payment.paid": payment_id,
        "payment.created": payment_id,
        "order.created": order_id,
    }
    paid, started, opened = (
        lines[action] for action in ("payment.paid", "payment.created", "order.created")
    )
    assert (paid["actorType"], paid["ipAddress"]) == ("USER", "127.0.0.1")
    assert (paid["before"]["status"], paid["after"]["status"]) == ("PENDING", "PAID")
    assert (paid["after"]["captured"], paid["after"]["platform_fee"]) == (10_000, 300)
    assert paid["requestId"] == started["requestId"] != opened["requestId"]
    assert (started["before"], opened["before"]) == (None, None)
    assert "canary" not in str(entries(merchant)).lower()


def test_entries_are_narrowed_counted_and_walked(merchant: Merchant) -> None:
    """By subject, action, actor and time; the pages hold each entry once."""
    first, second = merchant.order(), merchant.order()
    everything = entries(merchant)
    at = everything["nodes"][0]["at"]
    page = entries(merchant, first=1)
    rest = entries(merchant, first=1, after=page["pageInfo"]["endCursor"])

    assert [line["subjectId"] for line in everything["nodes"]] == [second, first]
    assert everything["totalCount"] == page["totalCount"] == 2
    assert page["nodes"] + rest["nodes"] == everything["nodes"]
    assert (page["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    for narrowed, found in (
        ({"subjectId": first}, [first]),
        ({"action": "order.created", "actor": "server"}, [second, first]),
        ({"at": {"gte": at}}, [second]),
        ({"at": {"lt": at}}, [first]),
        ({"action": "order.%"}, []),
        ({"actor": "SERVER"}, []),
        ({"subjectId": "nonsense"}, []),
        ({"subjectId": f"{first}\0"}, []),
        ({"subjectId": "\ud800"}, []),
        ({"subjectId": "x" * 10_000}, []),
    ):
        shown = entries(merchant, f=narrowed)
        assert [line["subjectId"] for line in shown["nodes"]] == found
        assert shown["totalCount"] == len(found)


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.CHECKOUT, Role.PLATFORM_ADMIN}))
def test_the_log_is_for_finance_and_administrators(merchant: Merchant, role: Role) -> None:
    """Actors and addresses are personal: others find the list FORBIDDEN and no entry."""
    merchant.order()
    (line,) = entries(merchant)["nodes"]
    token = a_token(merchant.settings, merchant.tenant_id, role)
    listed = merchant.ask(ENTRIES, token=token).json
    node = merchant.ask(NODE, token=token, id=line["id"]).json["data"]["node"]

    assert ("errors" not in listed) is (role in READERS)
    assert node == (
        {"__typename": "AuditEntry", "id": line["id"], "action": "order.created", "actor": "server"}
        if role in READERS
        else None
    )


def test_the_platforms_people_read_it_and_stand_in_it(merchant: Merchant) -> None:
    """Within the tenant that they name; that they did, and why, is the newest entry they read."""
    merchant.order()
    token = a_token(merchant.settings, None, Role.PLATFORM_ADMIN)
    answer = merchant.post(
        json.dumps({"query": ENTRIES}).encode(),
        [
            ("Content-Type", "application/json"),
            ("Authorization", f"Bearer {token}"),
            ("Tollgate-Tenant", merchant.tenant_id),
            ("Tollgate-Reason", "ticket 7"),
        ],
    )
    acted, created = answer.json["data"]["auditEntries"]["nodes"]

    assert (acted["action"], created["action"]) == ("platform.acted", "order.created")
    assert acted["after"]["reason"] == "ticket 7"


def test_a_shopper_reads_no_audit(merchant: Merchant) -> None:
    """Not of its own order either."""
    token = merchant.checkout_token(merchant.order())
    (line, *_) = entries(merchant)["nodes"]

    assert merchant.ask(ENTRIES, token=token).codes == ["FORBIDDEN"]
    assert merchant.ask(NODE, token=token, id=line["id"]).json["data"]["node"] is None


def test_anothers_log_is_not_there(merchant: Merchant, competitor: Merchant) -> None:
    """By subject, by cursor, by id: the same answer as for what there is not."""
    theirs = competitor.order()
    (line,) = entries(competitor)["nodes"]
    merchant.order()
    asked = [line["id"], new_id(Prefix.AUDIT_ENTRY)]

    assert entries(merchant, f={"subjectId": theirs})["totalCount"] == 0
    assert [merchant.query(NODE, id=each)["node"] for each in asked] == [None, None]
    after = entries(merchant, after=line["id"])
    assert line["id"] not in [each["id"] for each in after["nodes"]]


@pytest.mark.parametrize("asked", ["first: 101", 'after: "ord_1"', "first: 1, last: 1"])
def test_a_slice_that_cannot_be_is_refused(merchant: Merchant, asked: str) -> None:
    """As for every other list."""
    answer = merchant.ask(f"{{ auditEntries({asked}) {{ totalCount }} }}")

    assert answer.codes == ["BAD_USER_INPUT"]
