"""Bad input: each has its typed error, nothing reaches the gateway, nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from domain.caller import Role
from tests.e2e.graphql.merchant import Json, Merchant, a_token, mutation

CARD = {"type": "CARD", "token": "pm_card_visa"}
UNKNOWN_ORDER = "ord_0000000000000000000000000a"
UNKNOWN_PAYMENT = "pay_0000000000000000000000000a"


@contextmanager
def nothing_happens(merchant: Merchant) -> Iterator[None]:
    """Neither a row nor a call more at the end than at the start."""
    before = merchant.rows(), merchant.calls()
    yield
    assert (merchant.rows(), merchant.calls()) == before


@pytest.mark.parametrize("name", ["authorizePayment", "chargePayment"])
@pytest.mark.parametrize("order_id", [UNKNOWN_ORDER, "", "ord_1", UNKNOWN_PAYMENT, "ord_\u0000"])
def test_an_unknown_order_cannot_be_paid(merchant: Merchant, name: str, order_id: str) -> None:
    """A missing and a malformed id are not found."""
    with nothing_happens(merchant):
        done = merchant.pay(name, order_id)

    assert (done["__typename"], done["id"]) == ("NotFoundError", order_id)


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("capturePayment", {"paymentId": UNKNOWN_PAYMENT}),
        ("refundPayment", {"paymentId": UNKNOWN_PAYMENT}),
        ("cancelPayment", {"paymentId": "x"}),
        ("cancelOrder", {"orderId": UNKNOWN_ORDER}),
    ],
)
def test_an_unknown_subject_is_not_found(merchant: Merchant, name: str, subject: Json) -> None:
    """Every mutation answers an unknown id alike."""
    with nothing_happens(merchant):
        done = merchant.do(name, **subject)

    assert done["__typename"] == "NotFoundError"


def test_another_tenants_objects_do_not_exist(merchant: Merchant, competitor: Merchant) -> None:
    """What another tenant owns is answered as what is not there, in every query and mutation."""
    order_id = competitor.order()
    payment_id = competitor.paid("authorizePayment")
    with nothing_happens(merchant), nothing_happens(competitor):
        answers = [
            merchant.pay("chargePayment", order_id),
            merchant.pay("authorizePayment", order_id),
            merchant.do("cancelOrder", orderId=order_id),
            merchant.do("capturePayment", paymentId=payment_id),
            merchant.do("refundPayment", paymentId=payment_id),
            merchant.do("cancelPayment", paymentId=payment_id),
        ]
        read = merchant.query(
            """query ($o: ID!, $p: ID!, $t: ID!) {
                order(by: {id: $o}) { id } payment(id: $p) { id } nodes(ids: [$o, $p, $t]) { id }
                payments(filter: {orderId: $o}) { totalCount nodes { id } }
                orders { totalCount }
            }""",
            o=order_id,
            p=payment_id,
            t=competitor.tenant_id,
        )

    assert {answer["__typename"] for answer in answers} == {"NotFoundError"}
    assert read == {
        "order": None,
        "payment": None,
        "nodes": [None, None, None],
        "payments": {"totalCount": 0, "nodes": []},
        "orders": {"totalCount": 0},
    }


def test_an_order_is_paid_once(merchant: Merchant) -> None:
    """A paid order, and one with a payment in progress, refuse another payment."""
    paid, live = merchant.order(), merchant.order()
    merchant.pay("chargePayment", paid)
    merchant.pay("authorizePayment", live)
    with nothing_happens(merchant):
        again = merchant.pay("chargePayment", paid)
        beside = merchant.pay("chargePayment", live)

    assert (again["__typename"], again["detailCode"]) == ("InvalidStateError", "ORDER_PAID")
    assert (beside["__typename"], beside["detailCode"]) == (
        "InvalidStateError",
        "PAYMENT_IN_PROGRESS",
    )


@pytest.mark.parametrize(
    ("token", "rule"),
    [
        ("pm_4242424242424242", "CARD_DATA_FORBIDDEN"),
        ("visa", "INVALID_TOKEN"),
        ("", "INVALID_TOKEN"),
        ("pm_x/../../v1/refunds", "INVALID_TOKEN"),
    ],
)
def test_a_card_number_is_no_token(merchant: Merchant, token: str, rule: str) -> None:
    """What only looks like a token is refused at the edge, and a card number is not repeated."""
    order_id = merchant.order()
    with nothing_happens(merchant):
        done = merchant.pay("chargePayment", order_id, token)

    assert done["__typename"] == "ValidationError"
    assert done["issues"] == [{"path": ["input", "paymentMethod", "token"], "rule": rule}]
    assert "4242" not in str(done)


@pytest.mark.parametrize("card", ["4242424242424242", "4242 4242 4242 4242", "3782-822463-10005"])
def test_card_data_is_refused_before_any_resolver(merchant: Merchant, card: str) -> None:
    """A card number anywhere in a request is a top-level error, and is not repeated."""
    order_id, charge = merchant.order(), mutation("chargePayment")
    method = {"type": "CARD", "token": "pm_card_visa"}
    given = {"idempotencyKey": "k", "orderId": order_id, "paymentMethod": method}
    with nothing_happens(merchant):
        answers = [
            merchant.ask(charge, input=given | {"paymentMethod": method | {"token": card}}),
            merchant.ask(charge, input=given | {"metadata": {"note": f"card {card}"}}),
            merchant.ask(charge, input=given | {"metadata": {"cvc": "123"}}),
            merchant.ask(f'{{ order(by: {{reference: "{card}"}}) {{ id }} }}'),
        ]

    assert [answer.codes for answer in answers] == [["CARD_DATA_FORBIDDEN"]] * 4
    assert not any(card.encode() in answer.body for answer in answers)


def test_a_capture_takes_what_is_authorized_at_most(merchant: Merchant) -> None:
    """One minor unit above the authorized amount is refused, and so is zero."""
    payment_id = merchant.paid("authorizePayment")
    with nothing_happens(merchant):
        above = merchant.do("capturePayment", paymentId=payment_id, amountCents=10_001)
        zero = merchant.do("capturePayment", paymentId=payment_id, amountCents=0)

    assert {above["__typename"], zero["__typename"]} == {"ValidationError"}
    assert above["issues"][0]["path"] == ["input", "amountCents"]


def test_a_refund_gives_back_what_is_left_at_most(merchant: Merchant) -> None:
    """After 40.00 of 100.00 went back, 60.01 is refused, and so is zero."""
    payment_id = merchant.paid("chargePayment")
    merchant.do("refundPayment", paymentId=payment_id, amountCents=4_000)
    with nothing_happens(merchant):
        above = merchant.do("refundPayment", paymentId=payment_id, amountCents=6_001)
        zero = merchant.do("refundPayment", paymentId=payment_id, amountCents=0)

    assert {above["__typename"], zero["__typename"]} == {"ValidationError"}
    assert above["issues"][0]["path"] == ["input", "amountCents"]


@pytest.mark.parametrize(
    "amount", ["-1", "1.0", "0.5", "1e3", "9007199254740992", '"100"', "true", "null", "[1]", "{}"]
)
def test_an_amount_is_whole_minor_units(merchant: Merchant, amount: str) -> None:
    """Negative, fractional, huge and mistyped amounts are refused as the caller's bug."""
    key = merchant.key()
    body = (
        '{"query": ' + _quoted(mutation("createOrder")) + ', "variables": {"input": {'
        f'"reference": "{key}", "currency": "USD", "idempotencyKey": "{key}", '
        f'"totalAmountCents": {amount}' + "}}}"
    )
    with nothing_happens(merchant):
        answer = merchant.post(
            body.encode(),
            [("Content-Type", "application/json"), ("Authorization", f"Bearer {merchant.token}")],
        )

    assert answer.status == 200
    assert answer.codes == ["BAD_USER_INPUT"]
    assert "data" not in answer.json


@pytest.mark.parametrize("amount", [0, 49, 100_000_000, 2**53 - 1])
def test_an_amount_is_what_the_gateway_can_take(merchant: Merchant, amount: int) -> None:
    """Zero, less than the gateway's minimum and more than its maximum break a rule."""
    given: Json = {"reference": merchant.key(), "totalAmountCents": amount, "currency": "USD"}
    with nothing_happens(merchant):
        done = merchant.do("createOrder", **given)

    assert done["__typename"] == "ValidationError"
    assert done["issues"][0]["path"] == ["input", "totalAmountCents"]


@pytest.mark.parametrize("currency", ["usd", "XXX", "BTC", "", "USDX", None, 840])
def test_a_currency_is_one_of_the_table(merchant: Merchant, currency: object) -> None:
    """Unknown currencies are refused before anything is done."""
    given = {"reference": merchant.key(), "totalAmountCents": 1_000, "idempotencyKey": "k"}
    with nothing_happens(merchant):
        answer = merchant.ask(mutation("createOrder"), input=given | {"currency": currency})

    assert answer.codes == ["BAD_USER_INPUT"]


def test_a_key_serves_one_input(merchant: Merchant) -> None:
    """A key with another order or another card is refused."""
    first, second, key = merchant.order(), merchant.order(), merchant.key()
    merchant.pay("chargePayment", first, idempotencyKey=key)
    with nothing_happens(merchant):
        other_order = merchant.pay("chargePayment", second, idempotencyKey=key)
        other_card = merchant.pay("chargePayment", first, "pm_card_mastercard", idempotencyKey=key)

    for done in (other_order, other_card):
        assert (done["__typename"], done["code"]) == ("IdempotencyError", "IDEMPOTENCY_KEY_REUSED")
        assert done["idempotencyKey"] == key


def test_a_reference_is_used_once(merchant: Merchant) -> None:
    """A second order of the same reference breaks a rule, under a key of its own."""
    given: Json = {"reference": "A-1", "totalAmountCents": 1_000, "currency": "USD"}
    merchant.do("createOrder", **given)
    with nothing_happens(merchant):
        again = merchant.do("createOrder", **given)

    assert again["issues"] == [{"path": ["input", "reference"], "rule": "REFERENCE_TAKEN"}]


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"metadata": {"tollgate_payment_id": "x"}}, "METADATA_KEY_RESERVED"),
        ({"metadata": {"a": 1}}, "METADATA_VALUE_INVALID"),
        ({"metadata": ["a"]}, "METADATA_NOT_AN_OBJECT"),
        ({"returnUrl": "http://shop.example/"}, "INVALID_RETURN_URL"),
        ({"returnUrl": "javascript:alert(1)"}, "INVALID_RETURN_URL"),
        ({"idempotencyKey": ""}, "INVALID_IDEMPOTENCY_KEY"),
        ({"idempotencyKey": "k" * 256}, "INVALID_IDEMPOTENCY_KEY"),
    ],
)
def test_the_rest_of_a_charge_has_its_rules(merchant: Merchant, given: Json, rule: str) -> None:
    """Metadata, return address and key are checked before anything is written."""
    order_id = merchant.order()
    with nothing_happens(merchant):
        done = merchant.pay("chargePayment", order_id, **given)

    assert [issue["rule"] for issue in done["issues"]] == [rule]


def test_two_money_mutations_do_not_fit_into_one_document(merchant: Merchant) -> None:
    """A document that moves money twice is refused whole."""
    order_id = merchant.order()
    twice = "mutation ($input: ChargePaymentInput!) { %s: chargePayment(input: $input) %s }"
    field = "{ __typename }"
    document = twice % ("a", f"{field} b: chargePayment(input: $input) {field}")
    given = {"orderId": order_id, "paymentMethod": CARD, "idempotencyKey": merchant.key()}
    with nothing_happens(merchant):
        answer = merchant.ask(document, input=given)

    assert answer.codes == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER, Role.FINANCE])
def test_a_role_without_the_right_moves_nothing(merchant: Merchant, role: Role) -> None:
    """A token without the role is FORBIDDEN, whatever it sends."""
    order_id = merchant.order()
    given = {"orderId": order_id, "paymentMethod": CARD, "idempotencyKey": merchant.key()}
    token = a_token(merchant.settings, merchant.tenant_id, role)
    with nothing_happens(merchant):
        answer = merchant.ask(mutation("chargePayment"), token=token, input=given)

    assert answer.codes == ["FORBIDDEN"]


def _quoted(text: str) -> str:
    return '"' + text.replace("\n", " ").replace('"', '\\"') + '"'
