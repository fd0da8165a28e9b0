"""What a shopper's page can do with its token: pay its one order, and see nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from domain.ids import Prefix, new_id
from tests.e2e.graphql.merchant import Answer, Merchant, eventually, send
from tests.e2e.graphql.shopper import AUTHORIZE, PAY, Shopper

SECURE = "pm_card_threeDSecure2Required"
STATUS = """query ($id: ID!) { order(by: {id: $id}) {
    status remainingAmount { decimal } payments { nodes { id status capturedAmount { decimal } } }
} }"""
CANARY = "canary-7f3a91"
SEEN = {"content-type", "cache-control"}


def test_a_page_pays_its_order(merchant: Merchant) -> None:
    """It reads the order, charges it, and reads the payment, with a receipt's details."""
    page = Shopper.of(merchant)
    before = page.read(STATUS, id=page.order_id)["order"]
    paid = page.charge()["payment"]
    after = page.read(STATUS, id=page.order_id)["order"]

    assert before == {
        "status": "OPEN",
        "remainingAmount": {"decimal": "100.00"},
        "payments": {"nodes": []},
    }
    assert (paid["status"], paid["paymentMethod"]) == ("PAID", {"brand": "visa", "last4": "4242"})
    assert after == {
        "status": "PAID",
        "remainingAmount": {"decimal": "0.00"},
        "payments": {
            "nodes": [{"id": paid["id"], "status": "PAID", "capturedAmount": {"decimal": "100.00"}}]
        },
    }
    assert page.read("query ($id: ID!) { payment(id: $id) { status } }", id=paid["id"]) == {
        "payment": {"status": "PAID"}
    }


def test_a_page_authorizes_its_order(merchant: Merchant) -> None:
    """Where the merchant captures later, the page only reserves; it cannot capture itself."""
    page = Shopper.of(merchant)
    held = page.authorize()["payment"]
    captured = page.ask(
        """mutation ($id: ID!) { capturePayment(input: {paymentId: $id, idempotencyKey: "k"}) {
            __typename } }""",
        id=held["id"],
    )

    assert held["status"] == "AUTHORIZED"
    assert captured.codes == ["FORBIDDEN"]
    assert merchant.do("capturePayment", paymentId=held["id"])["payment"]["status"] == "PAID"


def test_3d_secure_on_the_page(merchant: Merchant) -> None:
    """Without a return address the page's own library goes on, with the client secret."""
    page = Shopper.of(merchant)
    asked = page.charge(SECURE)["payment"]
    action = asked["nextAction"]
    intent_id = action["clientSecret"].partition("_secret_")[0]
    path = f"/_sandbox/payment_intents/{intent_id}/authenticate"
    body = json.dumps({"outcome": "succeed"}).encode()
    done = send(
        merchant.settings.stripe_api_base,
        "POST",
        path,
        body,
        [("Content-Type", "application/json")],
    )

    assert (asked["status"], action["type"]) == ("REQUIRES_ACTION", "use_stripe_sdk")
    assert done.status == 200, done.body
    eventually(lambda: page.read(STATUS, id=page.order_id)["order"]["status"] == "PAID")
    again = page.read(
        "query ($id: ID!) { payment(id: $id) { nextAction { clientSecret } } }", id=asked["id"]
    )
    assert again == {"payment": {"nextAction": None}}


def test_3d_secure_at_the_bank(merchant: Merchant) -> None:
    """With a return address the shopper goes to the bank's page and comes back to ours."""
    page = Shopper.of(merchant)
    asked = page.charge(SECURE, returnUrl="https://shop.example/return")["payment"]
    url = urlsplit(asked["nextAction"]["redirectUrl"])
    back = send(
        f"{url.scheme}://{url.netloc}",
        "POST",
        url.path,
        urlencode({"outcome": "succeed"}).encode(),
        [("Content-Type", "application/x-www-form-urlencoded")],
    )

    assert asked["nextAction"]["type"] == "redirect_to_url"
    assert back.headers["location"].startswith("https://shop.example/return?")
    eventually(lambda: page.read(STATUS, id=page.order_id)["order"]["status"] == "PAID")


def test_a_decline_is_told_in_plain_words(merchant: Merchant) -> None:
    """The page learns that the card was declined, not that it is reported stolen."""
    page = Shopper.of(merchant)
    declined = page.charge("pm_card_chargeDeclinedStolenCard")
    failure = declined["declined"]["failure"]

    assert declined["__typename"] == "PaymentDeclinedError"
    assert failure == {
        "declineCode": None,
        "gatewayMessage": None,
        "userMessage": "The card was declined.",
    }
    assert (declined["detailCode"], declined["declineCode"]) == (None, None)
    assert "stolen" not in json.dumps(declined)


def filled(document: str, **ids: str) -> str:
    """The document with each id in its place."""
    for name, one in ids.items():
        document = document.replace(f"${name}", f'"{one}"')
    return document


def seen(answer: Answer, *ids: str) -> tuple[int, Mapping[str, str], bytes]:
    """What an observer can tell of an answer, each id replaced by its place."""
    body = answer.body
    for at, one in enumerate(ids):
        body = body.replace(one.encode(), f"<{at}>".encode())
    return answer.status, {name: answer.headers[name] for name in SEEN}, body


READS = (
    "{ order(by: {id: $order}) { id status } }",
    "{ payment(id: $payment) { id status } }",
    "{ node(id: $order) { id } other: node(id: $payment) { id } }",
    "{ nodes(ids: [$payment, $order]) { id __typename } }",
)


@pytest.mark.parametrize("whose", ["the merchant's", "another merchant's"])
def test_any_other_order_is_not_there(merchant: Merchant, competitor: Merchant, whose: str) -> None:
    """Orders and payments of others, of this merchant and of another, are answered byte for byte as
    ids that nobody has."""
    page = Shopper.of(merchant)
    owner = merchant if whose == "the merchant's" else competitor
    order_id = owner.order()
    payment_id = owner.pay("authorizePayment", order_id)["payment"]["id"]
    random = (new_id(Prefix.ORDER), new_id(Prefix.PAYMENT))
    for document in READS:
        theirs = page.ask(filled(document, order=order_id, payment=payment_id))
        nobodys = page.ask(filled(document, order=random[0], payment=random[1]))
        assert seen(theirs, order_id, payment_id) == seen(nobodys, *random)
        assert b"null" in theirs.body
    for document in (PAY, AUTHORIZE):
        before = owner.rows(), merchant.rows(), merchant.calls()
        theirs = page.ask(document, input=page.input(orderId=order_id, idempotencyKey="k"))
        nobodys = page.ask(document, input=page.input(orderId=random[0], idempotencyKey="k"))
        assert seen(theirs, order_id) == seen(nobodys, random[0])
        assert b"NotFoundError" in theirs.body
        assert (owner.rows(), merchant.rows(), merchant.calls()) == before


def test_any_other_reference_is_not_there(merchant: Merchant) -> None:
    """The merchant's references can be guessed; they tell a page nothing."""
    page, document = (
        Shopper.of(merchant),
        "query ($r: SafeText!) { order(by: {reference: $r}) { id } }",
    )
    reference = "query ($id: ID!) { order(by: {id: $id}) { reference } }"
    own = merchant.query(reference, id=page.order_id)["order"]["reference"]
    other = merchant.query(reference, id=merchant.order())["order"]["reference"]

    assert page.read(document, r=own) == {"order": {"id": page.order_id}}
    assert seen(page.ask(document, r=other)) == seen(page.ask(document, r="A-nobody"))


AROUND: Mapping[str, str] = {
    "a payment": "{ payment(id: $payment) { id metadata } }",
    "an alias": "{ payment(id: $payment) { status: metadata } }",
    "an order": "{ order(by: {id: $order}) { metadata } }",
    "a node": "{ node(id: $payment) { ... on Payment { metadata } } }",
    "nodes": "{ nodes(ids: [$order]) { ... on Order { metadata } } }",
    "a fragment": """{ node(id: $payment) { ...f } }
        fragment f on Node { ... on Node { ...g } } fragment g on Payment { x: metadata }""",
    "an edge": """{ order(by: {id: $order}) {
        payments { edges { node { order { metadata } } } } } }""",
    "the timeline": """{ order(by: {id: $order}) {
        payments { nodes { timeline { nodes { message } } } } } }""",
    "the fees": "{ payment(id: $payment) { feeTerms { tier { name } } } }",
    "the refunds": "{ payment(id: $payment) { refunds { nodes { note } } } }",
    "an error": """mutation { chargePayment(input: {orderId: $order,
        paymentMethod: {type: CARD, token: "pm_card_visa"}, idempotencyKey: "around"}) {
        ... on InvalidStateError { order { metadata } payment { metadata } } } }""",
}


@pytest.mark.parametrize("way", AROUND)
def test_no_way_leads_around_a_rule(merchant: Merchant, way: str) -> None:
    """Whatever the way to the merchant's side of an order, it is FORBIDDEN, and not answered."""
    given: dict[str, Any] = {"metadata": {"secret": CANARY}, "idempotencyKey": merchant.key()}
    made = merchant.do(
        "createOrder", reference=CANARY, totalAmountCents=10_000, currency="USD", **given
    )
    page = Shopper.of(merchant, str(made["order"]["id"]))
    held = merchant.pay("authorizePayment", page.order_id, metadata={"secret": CANARY})
    answer = page.ask(filled(AROUND[way], order=page.order_id, payment=held["payment"]["id"]))

    assert set(answer.codes) == {"FORBIDDEN"}
    assert CANARY.encode() not in answer.body


def test_a_page_sees_nothing_of_the_merchant(merchant: Merchant) -> None:
    """No tenant, no list, no price."""
    page = Shopper.of(merchant)
    refused = [
        page.ask(document)
        for document in (
            "{ orders { nodes { id } } }",
            "{ payments { totalCount } }",
            "{ feeTiers { id } }",
            '{ feeQuote(amountCents: 100, currency: "USD") { __typename } }',
        )
    ]

    assert page.read("{ viewer { id roles tenant { id } } }") == {
        "viewer": {"id": f"checkout:{page.order_id}", "roles": ["CHECKOUT"], "tenant": None}
    }
    assert page.read("query ($id: ID!) { node(id: $id) { id } }", id=merchant.tenant_id) == {
        "node": None
    }
    assert [answer.codes for answer in refused] == [["FORBIDDEN"]] * 4


def test_a_page_sets_no_metadata(merchant: Merchant) -> None:
    """The merchant's programs believe what they find there; an empty object is none."""
    page = Shopper.of(merchant)
    before = merchant.rows(), merchant.calls()
    refused = [page.charge(metadata={"order": "other"}), page.authorize(metadata={"a": "b"})]
    assert (merchant.rows(), merchant.calls()) == before

    for done in refused:
        assert done["__typename"] == "ValidationError"
        assert done["issues"] == [{"path": ["input", "metadata"], "rule": "METADATA_FORBIDDEN"}]
    assert page.charge(metadata={})["__typename"] == "PaymentSuccess"
