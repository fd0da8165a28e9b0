"""Card data in documents and variables: refused wherever it hides, amounts and ids let through."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import pytest
from graphql import parse
from hypothesis import example, given
from hypothesis import strategies as st

from domain.caller import Role
from domain.ids import Prefix, new_id
from schema.card_data import card_data_at, is_security_code, refuse_card_data
from schema.codes import RequestErrorCode
from schema.limits import DocumentRefused
from schema.scalars import CENTS_MAX
from tests.unit.schema.shop import CHARGE, Shelf, Till, a_caller, execute

PAN = "4242424242424242"


def refused(document: str, variables: Mapping[str, object] | None = None) -> bool:
    """Whether the request is refused for card data."""
    try:
        refuse_card_data(parse(document), variables)
    except DocumentRefused as error:
        return error.code is RequestErrorCode.CARD_DATA_FORBIDDEN and "4242" not in error.message
    return False


@pytest.mark.parametrize(
    "document",
    [
        f'{{ node(id: "{PAN}") {{ id }} }}',
        '{ node(id: "4242 4242 4242 4242") { id } }',
        f'{{ node(id: """{PAN}""") {{ id }} }}',
        f"{{ node(id: {PAN}) {{ id }} }}",
        f'{{ nodes(ids: ["a", "{PAN}"]) {{ id }} }}',
        f'mutation {{ a(input: {{ metadata: {{ card: "{PAN}" }} }}) }}',
        f"mutation {{ a(input: {{ metadata: {{ card: -{PAN} }} }}) }}",
        'mutation { a(input: { metadata: { cvc: "123" } }) }',
        'mutation { a(input: { card: { cardCvv2: "123" } }) }',
        'mutation { a(cvv: "123") }',
        f'query ($a: ID! = "{PAN}") {{ node(id: $a) {{ id }} }}',
        f'{{ a @skip(if: "{PAN}") }}',
        f'fragment f on Q {{ a(b: "{PAN}") }} {{ b }}',
        f'{{ a(amountCents: 1) {{ b(c: {PAN}) }} }}',
        f'{{ a(amountCents: "{PAN}") }}',
        f"{{ a(b: {PAN}.0) }}",
        "{ a(b: 4.242424242424242e15) }",
        f"{{ a # {PAN}\n }}",
        '{ a # 4242 4242 4242 4242\n }',
        f"{{ _{PAN}: a }}",
        f"{{ card_{PAN} }}",
        f"query pay_{PAN} {{ a }}",
        f"query ($v{PAN}: ID) {{ a }}",
        f"{{ a(b: _{PAN}) }}",
        f"{{ a @c{PAN} }}",
        '{ a(b: "\\u0034242424242424242") }',
        '{ a(note: "my cvc is 123, CVC: 123") }',
        '{ a(b: { securityCode: "123" }) }',
    ],
)  # fmt: skip
def test_card_data_in_a_document_is_refused(document: str) -> None:
    """Strings, numbers, keys, defaults and directives of a document are all looked at."""
    assert refused(document)


@pytest.mark.parametrize(
    "variables",
    [
        {"a": PAN},
        {"a": "pay with 4242-4242-4242-4242"},
        {"a": int(PAN)},
        {"a": [[{"b": [PAN]}]]},
        {"input": {"metadata": {"note": PAN}}},
        {"input": {"metadata": {PAN: "note"}}},
        {"input": {"metadata": {"cvc": "123"}}},
        {"input": {"CVV": 123}},
        {"input": {"card_cvc": None}},
        {"cvc": 123},
        {"input": {"amountCents": PAN}},
        {"a": float(PAN)},
        {"a": -float(PAN)},
        {"input": {"metadata": {f"card_{PAN}": "note"}}},
        {f"a_{PAN}": 1},
        {"input": {"metadata": {"note": '{"number": "' + PAN + '"}'}}},
        {"input": {"metadata": {"note": '{"cvc": "123"}'}}},
        {"input": {"reference": "card 4242 4242 4242 4242 cvv 123"}},
        {"input": {"reason": "CVV2=1234"}},
        {"input": {"metadata": {"cardSecurityCode": "123"}}},
    ],
)
def test_card_data_in_variables_is_refused(variables: Mapping[str, object]) -> None:
    """Values and keys are looked at however deep they lie, whether or not they are used."""
    assert refused("query ($a: ID!, $input: I!) { a }", variables)


@given(st.integers(-CENTS_MAX, CENTS_MAX))
@example(int(PAN))
@example(5_555_555_555_554_444)
def test_an_amount_is_never_card_data(amount: int) -> None:
    """A number in a field for an amount passes: as a literal, a variable, and within a filter."""
    assert not refused(f"mutation {{ a(input: {{ totalAmountCents: {amount} }}) }}")
    assert not refused(f"{{ a(f: {{ amountCents: {{ gte: {amount} }} }}) }}")
    assert not refused("query ($x: Cents!) { a(amountCents: $x) }", {"x": amount})
    assert not refused("query ($x: Cents = 1) { a(amountCents: $x) }", {"x": amount})
    assert not refused("query ($i: I!) { a(input: $i) }", {"i": {"amountCents": amount}})
    assert not refused("query ($i: I!) { a }", {"i": {"amountCents": {"gte": amount}}})


@given(st.lists(st.sampled_from(list(Prefix)), max_size=5), st.uuids())
def test_ids_and_keys_are_never_card_data(prefixes: list[Prefix], key: uuid.UUID) -> None:
    """Ids of ours, cursors and idempotency keys in UUID form pass."""
    ids = [new_id(prefix) for prefix in prefixes]

    given = {"ids": ids, "after": ids[:1], "idempotencyKey": str(key), "other": key.hex}
    assert card_data_at(given, "variables") is None


@pytest.mark.parametrize(
    "key", ["cvc", "CVC", "cvv2", "cardCvc", "card_cvv", "card-cvc", "cvvCode", "securityCode"]
)
def test_a_key_for_a_security_code_is_told(key: str) -> None:
    """However it is spelled."""
    assert is_security_code(key)


@pytest.mark.parametrize(
    "key", ["", "cv", "cvs", "recvcount", "id", "cvcx", "cvc_check", "cvcCheck", "security"]
)
def test_other_keys_are_no_security_code(key: str) -> None:
    """Words that merely hold the letters pass."""
    assert not is_security_code(key)


@pytest.mark.parametrize(
    "variables",
    [
        {"input": {"reference": "20261122-000017", "metadata": {"phone": "+4915123456781"}}},
        {"input": {"reference": "9783161484100"}},
        {"input": {"metadata": {"at": "1732531200123", "cvc_check": "pass"}}},
        {"input": {"metadata": {"intent": "pi_3NkW2eLkdIwHu7ix0ZqGcTWm"}}},
        {"input": {"reason": "the CVC check failed on 2026-11-22"}},
        {"input": {"metadata": {"iban": "DE89370400440532013000", "price": "1,234,567,890.12"}}},
        {"a": True, "b": None, "c": 1e300, "d": float("inf")},
    ],
)
def test_what_merchants_send_is_let_in(variables: Mapping[str, object]) -> None:
    """References, moments, telephone and article numbers, ids and amounts are no card data."""
    assert not refused("query ($a: ID!, $input: I!) { a # 2026-11-22 10:00:00\n }", variables)


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"input": {"reference": PAN}}, "variables.input.reference:"),
        ({"input": {"metadata": {"a b": PAN}}}, "variables.input.metadata:"),
        ({"input": {"metadata": {f"x_{PAN}": "a"}}}, "variables.input.metadata:"),
        ({PAN: 1}, "variables:"),
        ({"input": [{"a": PAN}]}, "variables.input.a:"),
    ],
)
def test_the_place_is_told(variables: Mapping[str, object], place: str) -> None:
    """The caller learns where it is and what to do, and reads none of its own text."""
    with pytest.raises(DocumentRefused) as refusal:
        refuse_card_data(parse("{ a }"), variables)

    assert f"in {place}" in refusal.value.message
    assert "4242" not in refusal.value.message
    assert "ref_123" in refusal.value.message


async def test_nothing_runs_and_nothing_is_said() -> None:
    """A charge with a card number reaches neither a read nor a use case, nor comes back."""
    shelf, till = Shelf(), Till()
    result = await execute(
        CHARGE,
        caller=a_caller(Role.ADMIN),
        shelf=shelf,
        till=till,
        variables={"order": new_id(Prefix.ORDER), "token": PAN},
    )

    assert result.data is None
    assert [error.extensions for error in result.errors or ()] == [
        {"code": RequestErrorCode.CARD_DATA_FORBIDDEN}
    ]
    assert PAN not in str(result.errors)
    assert (shelf.calls, till.heard) == ([], [])


async def test_a_document_that_is_not_valid_is_looked_at_too() -> None:
    """Card data is refused as such, also where names are wrong."""
    result = await execute(f'{{ nope(id: "{PAN}") }}', caller=a_caller(Role.ADMIN))

    assert [error.extensions for error in result.errors or ()] == [
        {"code": RequestErrorCode.CARD_DATA_FORBIDDEN}
    ]
