"""Odd texts and numbers over HTTP: refused clearly with nothing written, or kept as they are."""

from __future__ import annotations

import json

import pytest

from domain.caller import Role
from tests.e2e.graphql.merchant import Json, Merchant, a_token, mutation
from tests.e2e.graphql.test_bad_input import nothing_happens

PAN = "4242424242424242"
ORDER = mutation("createOrder")
STORED = "query ($r: SafeText!) { order(by: {reference: $r}) { reference metadata } }"


def an_order(merchant: Merchant, **given: object) -> Json:
    """What createOrder is given."""
    key = merchant.key()
    good: Json = {"reference": key, "totalAmountCents": 100, "currency": "USD"}
    return good | {"idempotencyKey": key} | given


@pytest.mark.parametrize(
    "text",
    [
        "%",
        "_",
        "' OR 1=1 --",
        "{{7*7}}",
        "=cmd()",
        "\U0001f4b3",
        "\\",
        "${jndi:ldap://x}",
        "a" * 450,
    ],
)
def test_odd_text_is_stored_as_it_is(merchant: Merchant, text: str) -> None:
    """What is code somewhere else is text here, and searching for it finds it and nothing more."""
    reference = f"{text} {merchant.key()}"
    made = merchant.do(
        "createOrder", **an_order(merchant, reference=reference, metadata={"note": text})
    )
    merchant.order()
    found = merchant.query(STORED, r=reference)["order"]
    searched = merchant.query(
        "query ($s: SafeText!) { orders(filter: {search: $s}) { nodes { id } } }", s=reference
    )
    pattern = merchant.query(
        "query ($s: SafeText!) { orders(filter: {search: $s}) { totalCount } }", s=text
    )

    assert found["reference"] == reference
    assert found["metadata"] == {"note": text}
    assert searched["orders"]["nodes"] == [{"id": made["order"]["id"]}]
    assert pattern["orders"]["totalCount"] == 0


def test_equal_texts_are_equal(merchant: Merchant) -> None:
    """A reference written with a combining accent is the one with the composed letter."""
    key = merchant.key()
    merchant.do("createOrder", **an_order(merchant, reference=f"caf\u00e9 {key}"))
    again = merchant.do("createOrder", **an_order(merchant, reference=f"cafe\u0301 {key}"))

    assert again["issues"] == [{"path": ["input", "reference"], "rule": "REFERENCE_TAKEN"}]


@pytest.mark.parametrize(
    "text",
    [
        "a\0b",
        "\ud800",
        "\udfff\ud800",
        "a\r\nX: 1",
        "\u202eabc",
        "a\u200bb",
        "\x1b[2J",
        "x" * 10_000,
    ],
)
@pytest.mark.parametrize("name", ["reference", "customerEmail", "idempotencyKey"])
def test_unsafe_text_is_refused(merchant: Merchant, name: str, text: str) -> None:
    """NUL, halves of pairs, line breaks, what turns text around, and 10 KB are the caller's bug."""
    with nothing_happens(merchant):
        answer = merchant.ask(ORDER, input=an_order(merchant, **{name: text}))

    assert (answer.status, answer.codes) == (200, ["BAD_USER_INPUT"])


@pytest.mark.parametrize(
    ("metadata", "rule"),
    [
        ({"a": "\0"}, "METADATA_VALUE_INVALID"),
        ({"a": "\ud800"}, "METADATA_VALUE_INVALID"),
        ({"a": "\u202e"}, "METADATA_VALUE_INVALID"),
        ({"\0": "a"}, "METADATA_KEY_INVALID"),
        ({"\ud800": "a"}, "METADATA_KEY_INVALID"),
        ({"a": {"b": "\0"}}, "METADATA_VALUE_INVALID"),
        (["\0"], "METADATA_NOT_AN_OBJECT"),
        ("\ud800", "METADATA_NOT_AN_OBJECT"),
        (1e300, "METADATA_NOT_AN_OBJECT"),
    ],
)
def test_metadata_is_held_to_the_same(merchant: Merchant, metadata: object, rule: str) -> None:
    """What the database cannot keep is a named rule, not a fault of ours."""
    with nothing_happens(merchant):
        done = merchant.do("createOrder", **an_order(merchant, metadata=metadata))

    assert [issue["rule"] for issue in done["issues"]] == [rule]


@pytest.mark.parametrize(
    "amount",
    [
        "-1",
        str(2**53),
        str(2**63),
        "1e3",
        "10.5",
        "1.0",
        '"10"',
        "true",
        "null",
        "NaN",
        "[1]",
        "{}",
    ],
)
def test_an_amount_is_a_whole_number(merchant: Merchant, amount: str) -> None:
    """Anything but whole minor units up to 2^53-1 is refused before any rule is asked."""
    given = json.dumps(an_order(merchant, totalAmountCents="AMOUNT")).replace('"AMOUNT"', amount)
    body = f'{{"query": {json.dumps(ORDER)}, "variables": {{"input": {given}}}}}'.encode()
    bearer = ("Authorization", f"Bearer {merchant.token}")
    with nothing_happens(merchant):
        answer = merchant.post(body, [("Content-Type", "application/json"), bearer])

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.status < 500


@pytest.mark.parametrize("amount", [0, 2**31, 2**53 - 1])
def test_an_amount_beyond_the_gateway_is_told(merchant: Merchant, amount: int) -> None:
    """Nothing, and more than the gateway takes, is a rule that is named."""
    with nothing_happens(merchant):
        done = merchant.do("createOrder", **an_order(merchant, totalAmountCents=amount))

    assert done["__typename"] == "ValidationError"


@pytest.mark.parametrize(
    "currency",
    ["", "us", "usd", "USD ", "USD\0", "XXX", "BTC", "\uff35\uff33\uff24", 840, None],
)
def test_a_currency_is_of_the_table(merchant: Merchant, currency: object) -> None:
    """Other spellings, other scripts, and what is no currency are refused."""
    with nothing_happens(merchant):
        answer = merchant.ask(ORDER, input=an_order(merchant, currency=currency))

    assert answer.codes == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"reference": PAN}, "variables.input.reference"),
        ({"idempotencyKey": PAN}, "variables.input.idempotencyKey"),
        ({"customerEmail": f"{PAN}@shop.example"}, "variables.input.customerEmail"),
        ({"metadata": {"a": {"b": [f"card {PAN}"]}}}, "variables.input.metadata.a.b"),
        ({"metadata": {"note": "4242-4242-4242-4242"}}, "variables.input.metadata.note"),
        ({"metadata": {"cvc": "123"}}, "variables.input.metadata"),
        ({"metadata": {"x": '{"cvc":"123"}'}}, "variables.input.metadata.x"),
    ],
)
def test_card_data_is_told_by_its_place(merchant: Merchant, given: Json, place: str) -> None:
    """Wherever it stands, it is refused, and the caller learns where without reading it again."""
    with nothing_happens(merchant):
        answer = merchant.ask(ORDER, input=an_order(merchant, **given))

    assert answer.codes == ["CARD_DATA_FORBIDDEN"]
    assert f"card data in {place}:" in answer.json["errors"][0]["message"]
    assert b"4242" not in answer.body


@pytest.mark.parametrize(
    "more",
    [
        {"operationName": PAN},
        {"extensions": {"a": [PAN]}},
        {"card": PAN},
        {"cvc": "123"},
        {"query": f"{{ viewer {{ id }} }} # {PAN}"},
    ],
)
def test_no_member_of_the_body_holds_card_data(merchant: Merchant, more: Json) -> None:
    """Also where no schema looks, and in a comment."""
    body = json.dumps({"query": "{ viewer { id } }"} | more).encode()
    bearer = ("Authorization", f"Bearer {merchant.token}")
    answer = merchant.post(body, [("Content-Type", "application/json"), bearer])

    assert answer.codes == ["CARD_DATA_FORBIDDEN"]
    assert PAN.encode() not in answer.body


def test_an_id_of_a_document_is_a_digest_and_is_not_repeated(merchant: Merchant) -> None:
    """A digest may look like a card number by chance, so its member is not looked through."""
    bearer = ("Authorization", f"Bearer {merchant.token}")
    answer = merchant.post(
        json.dumps({"documentId": PAN}).encode(), [("Content-Type", "application/json"), bearer]
    )

    assert answer.codes[0] in {"BAD_USER_INPUT", "PERSISTED_DOCUMENT_NOT_FOUND"}
    assert PAN.encode() not in answer.body


@pytest.mark.parametrize(
    ("reason", "status"), [("ticket 4242 4242 4242 4242", 400), ("ticket 20261122000017", 200)]
)
def test_a_reason_holds_no_card_data(merchant: Merchant, reason: str, status: int) -> None:
    """The header that is audited is looked at like the body, and a ticket's number is none."""
    token = a_token(merchant.settings, None, Role.PLATFORM_ADMIN)
    body = b'{"query": "{ viewer { id } }"}'
    headers = [
        ("Content-Type", "application/json"),
        ("Authorization", f"Bearer {token}"),
        ("Tollgate-Tenant", merchant.tenant_id),
        ("Tollgate-Reason", reason),
    ]
    answer = merchant.post(body, headers)

    assert answer.status == status
    assert b"4242" not in answer.body
