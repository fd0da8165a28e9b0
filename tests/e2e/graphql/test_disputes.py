"""Disputes, from the bank to a merchant's screen: real deliveries, a real worker, GraphQL."""

from __future__ import annotations

import json
from collections.abc import Callable

from domain.caller import Role
from tests.e2e.graphql.merchant import Json, Merchant, a_token, eventually, send

PAYMENT = """query ($id: ID!) { payment(id: $id) {
    disputeStatus availableActions refundableAmount { amountCents }
    netAmount { amountCents } disputeLoss { amountCents } disputeFee { amountCents }
    order { isDisputed status }
    gatewayFeeIsFinal gatewayPaymentId
    disputes { totalCount nodes {
        id status reason gatewayDisputeId createdAt closedAt evidenceDueAt
        amount { formatted } disputeFee { formatted } payment { id }
    } }
    timeline(first: 1) { nodes { message amount { amountCents } source } }
} }"""
LISTED = """query ($filter: DisputeFilter) {
    disputes(filter: $filter, first: 5) { totalCount nodes { id payment { id } } }
}"""


def at_the_bank(merchant: Merchant, path: str, **order: object) -> Json:
    """What the bank does, by the sandbox's control routes."""
    body = json.dumps(order).encode()
    answer = send(merchant.settings.stripe_api_base, "POST", f"/_sandbox/{path}", body)
    assert answer.status == 200, answer.body
    return answer.json


def charge_of(merchant: Merchant, intent_id: str) -> str:
    """The id of the intent's charge."""
    ledger = send(merchant.settings.stripe_api_base, "GET", "/_sandbox/ledger").json
    (charge,) = (at for at in ledger["charges"] if at["payment_intent"] == intent_id)
    return str(charge["id"])


def seen(merchant: Merchant, payment_id: str, holds: Callable[[Json], bool]) -> Json:
    """The payment as a VIEWER sees it once `holds` is true of it."""
    token = a_token(merchant.settings, merchant.tenant_id, Role.VIEWER)
    found: Json = {}

    def look() -> bool:
        found.update(merchant.query(PAYMENT, token=token, id=payment_id)["payment"])
        return holds(found)

    eventually(look, seconds=20)
    return found


def test_a_dispute_is_seen_and_lost(merchant: Merchant, competitor: Merchant) -> None:
    """It shows with its payment, by its id and in the list, stops refunds, and in the end takes its
    amount and its fee; another tenant and a shopper see nothing of it."""
    order_id = merchant.order()
    shopper = merchant.checkout_token(order_id)
    payment_id = str(merchant.pay("chargePayment", order_id)["payment"]["id"])
    paid = seen(merchant, payment_id, lambda found: bool(found["gatewayFeeIsFinal"]))
    charge_id = charge_of(merchant, paid["gatewayPaymentId"])
    gateway_id = at_the_bank(merchant, f"charges/{charge_id}/dispute", amount=4_000)["id"]
    opened = seen(merchant, payment_id, lambda found: found["disputeStatus"] == "OPEN")
    refused = merchant.do("refundPayment", paymentId=payment_id, amountCents=100)
    (dispute,) = opened["disputes"]["nodes"]
    open_ones = {"statusIn": ["NEEDS_RESPONSE", "UNDER_REVIEW"]}
    listed = merchant.query(LISTED, filter=open_ones)["disputes"]
    at_the_bank(merchant, f"disputes/{gateway_id}", status="lost")
    lost = seen(merchant, payment_id, lambda found: found["disputeStatus"] == "LOST")

    assert (dispute["status"], dispute["gatewayDisputeId"]) == ("NEEDS_RESPONSE", gateway_id)
    assert (dispute["amount"], dispute["disputeFee"]) == (
        {"formatted": "$40.00"},
        {"formatted": "$15.00"},
    )
    assert dispute["evidenceDueAt"] is not None
    assert dispute["closedAt"] is None
    assert dispute["payment"] == {"id": payment_id}
    assert opened["order"] == {"isDisputed": True, "status": "PAID"}
    assert opened["availableActions"] == []
    assert opened["timeline"]["nodes"] == [
        {
            "message": "A dispute was opened (fraudulent).",
            "amount": {"amountCents": 4_000},
            "source": "GATEWAY",
        }
    ]
    assert (refused["__typename"], refused["detailCode"]) == ("InvalidStateError", "DISPUTE_OPEN")
    assert listed == {
        "totalCount": 1,
        "nodes": [{"id": dispute["id"], "payment": {"id": payment_id}}],
    }
    assert lost["netAmount"] == {"amountCents": 9_380 - 4_000 - 1_500}
    assert (lost["disputeLoss"], lost["disputeFee"]) == (
        {"amountCents": 4_000},
        {"amountCents": 1_500},
    )
    assert lost["refundableAmount"] == {"amountCents": 6_000}
    assert lost["availableActions"] == ["REFUND"]
    assert lost["disputes"]["nodes"][0]["closedAt"] is not None
    assert merchant.query(LISTED, filter=open_ones)["disputes"]["nodes"] == []
    assert shown(merchant, dispute["id"]) == "Dispute"
    assert shown(competitor, dispute["id"]) is None
    assert competitor.query(LISTED)["disputes"] == {"totalCount": 0, "nodes": []}
    refuse_shopper(merchant, shopper, dispute["id"], payment_id)


def shown(merchant: Merchant, dispute_id: str, token: str | None = None) -> str | None:
    """The type of the object with this id, if there is one for the caller."""
    node = "query ($id: ID!) { node(id: $id) { __typename } }"
    found = merchant.query(node, token=token, id=dispute_id)["node"]
    return found and str(found["__typename"])


def refuse_shopper(merchant: Merchant, token: str, dispute_id: str, payment_id: str) -> None:
    """A shopper's page that reads its payment reads nothing of its disputes."""
    fields = (
        "disputes { totalCount }",
        "disputeLoss { amountCents }",
        "disputeFee { amountCents }",
    )
    documents = [f'{{ payment(id: "{payment_id}") {{ {name} }} }}' for name in fields]
    for document in ("{ disputes { totalCount } }", *documents):
        assert merchant.ask(document, token=token).codes == ["FORBIDDEN"], document
    assert shown(merchant, dispute_id, token) is None
