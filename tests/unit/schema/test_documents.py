"""Documents that are kept, and what validation makes of the rest."""

from __future__ import annotations

import pytest
from graphql import parse

from domain.caller import Role
from schema.codes import RequestErrorCode
from schema.documents import (
    CHARACTERS_KEPT,
    DOCUMENTS_KEPT,
    ERRORS_MAX,
    LENGTH_KEPT_MAX,
    KeptDocuments,
    find_faults,
)
from schema.limits import DocumentRefused, check_document
from schema.presentation import show
from schema.schema import kept_documents, schema
from tests.unit.schema.shop import a_caller, execute


async def test_a_valid_document_is_kept() -> None:
    """The second time it is the same document, neither parsed nor validated again."""
    text = "{ kept: viewer { id } }"
    first = await execute(text, caller=a_caller(Role.ADMIN))
    document = kept_documents.find(text)
    second = await execute(text, caller=a_caller(Role.ADMIN))

    assert document is not None
    assert kept_documents.find(text) is document
    assert first.data == second.data == {"kept": {"id": "user-1"}}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{ nope }",
        "{ viewer { id } } query B { viewer { id } }",
        "{" + "viewer { id } " * 100 + "}",
        "{ viewer { id } } #" + "x" * LENGTH_KEPT_MAX,
        '{ node(id: "4242424242424242") { id } }',
    ],
)
async def test_nothing_else_is_kept(text: str) -> None:
    """What is refused, and what is long, takes no room."""
    kept_documents.forget()
    await execute(text, caller=a_caller(Role.ADMIN))

    assert kept_documents.find(text) is None
    assert len(kept_documents) == 0


def test_a_flood_drives_out_the_oldest() -> None:
    """There are never more than so many, and those that are asked for stay."""
    kept, document = KeptDocuments(), parse("{ a }")
    for at in range(3 * DOCUMENTS_KEPT):
        kept.keep(str(at), document)
        assert at == 0 or kept.find("0") is document

    assert len(kept) == DOCUMENTS_KEPT
    assert kept.find("1") is None


def test_long_documents_take_the_room_of_many() -> None:
    """All documents together have an end, and a twin of one that is kept takes nothing."""
    kept, document = KeptDocuments(), parse("{ a }")
    for at in range(50):
        for _ in range(2):
            kept.keep(f"{at:0{LENGTH_KEPT_MAX}}", document)
    at_most = len(kept)
    for at in range(DOCUMENTS_KEPT):
        kept.keep(str(at), document)
    full = len(kept)
    kept.forget()

    assert at_most == CHARACTERS_KEPT // LENGTH_KEPT_MAX
    assert (full, len(kept)) == (DOCUMENTS_KEPT, 0)


async def test_a_kept_document_is_checked_each_time() -> None:
    """Its limits depend on the variables, which are other ones each time."""
    text = """query ($n: Int, $f: PaymentFilter) { payments(first: $n, filter: $f) { nodes {
        refunds { totalCount } timeline { totalCount } disputed: refunds { totalCount }
        more: timeline { totalCount } last: refunds { totalCount } } } }"""
    small = await execute(text, caller=a_caller(Role.ADMIN), variables={"n": 1})
    large = await execute(text, caller=a_caller(Role.ADMIN), variables={"n": 100})
    card = await execute(
        text,
        caller=a_caller(Role.ADMIN),
        variables={"n": 1, "f": {"search": "4242424242424242"}},
    )
    codes = [
        [show(at, validated=False, request_id="r").code for at in result.errors or ()]
        for result in (small, large, card)
    ]

    assert codes == [
        [],
        [RequestErrorCode.QUERY_TOO_COMPLEX],
        [RequestErrorCode.CARD_DATA_FORBIDDEN],
    ]


def test_validation_stops_soon() -> None:
    """A document of wrong names has a few errors, and the note that there are more."""
    document = parse("{" + " ".join(f"nope{at}" for at in range(400)) + "}")

    assert len(find_faults(schema._schema, document)) == ERRORS_MAX + 1


@pytest.mark.parametrize(
    "document",
    [
        "fragment f on Query { order(by: {id: $x}) { id } } query ($x: ID!) { ...f }",
        "query ($x: ID!) { ...f } fragment f on Query { order(by: {id: $x}) { id } }",
        "query ($x: ID!) { order(by: {id: $x}) { id } }",
    ],
)
async def test_a_variable_in_a_one_of_is_good_in_any_order(document: str) -> None:
    """A fragment may stand before the operation that declares its variables."""
    result = await execute(document, caller=a_caller(Role.ADMIN), variables={"x": "ord_1"})

    assert result.errors is None
    assert result.data == {"order": None}


@pytest.mark.parametrize(
    "document",
    [
        "{ order(by: {id: $x}) { id } }",
        "fragment f on Query { order(by: {id: $x}) { id } } { ...f }",
        "query ($x: ID) { order(by: {id: $x}) { id } }",
        "fragment f on Query { order(by: {id: $x}) { id } } query ($x: ID) { ...f }",
        "{ order(by: {}) { id } }",
        '{ order(by: {id: "a", reference: "b"}) { id } }',
    ],
)
async def test_a_wrong_one_of_is_the_callers_mistake(document: str) -> None:
    """Undeclared, nullable, none or two: refused by validation, and no fault of ours."""
    result = await execute(document, caller=a_caller(Role.ADMIN), variables={"x": "ord_1"})
    codes = {show(at, validated=False, request_id="r").code for at in result.errors or ()}

    assert result.data is None
    assert codes <= {
        RequestErrorCode.GRAPHQL_VALIDATION_FAILED,
        RequestErrorCode.BAD_USER_INPUT,
    }
    assert codes


@pytest.mark.parametrize(
    "document",
    [
        "{ viewer { id } } fragment f on Query {" + "viewer { id } " * 200 + "}",
        "{ viewer { id } } fragment f on Query {" + "... { id } " * 201 + "}",
        "{ viewer { id } } fragment f on Query {" + "a{" * 21 + "b" + "}" * 22,
    ],
)
def test_a_fragment_that_nothing_spreads_has_limits(document: str) -> None:
    """Validation looks at it too."""
    with pytest.raises(DocumentRefused) as refused:
        check_document(parse(document))

    assert refused.value.code is RequestErrorCode.QUERY_TOO_COMPLEX


@pytest.mark.parametrize(
    "document",
    [
        "mutation ($yes: Boolean!) { chargePayment @include(if: $yes) { id } "
        "refundPayment @skip(if: $yes) { id } }",
        "mutation ($no: Boolean!) { ...f @skip(if: $no) ...f @include(if: $no) } "
        "fragment f on Mutation { capturePayment { id } }",
        "mutation { ...f ...g } fragment f on Mutation { chargePayment { id } } "
        "fragment g on Mutation { ...f }",
        "mutation { " + " ".join(f"a{at}: chargePayment {{ id }}" for at in range(29)) + " }",
    ],
)
def test_a_second_money_mutation_is_counted_whatever_the_variables_say(document: str) -> None:
    """What is left out by a variable counts as if it were not."""
    with pytest.raises(DocumentRefused, match="calls the gateway once"):
        check_document(parse(document))


@pytest.mark.parametrize("directive", ["stream", "stream(label: 3)", "defer"])
def test_directives_that_no_schema_of_ours_has(directive: str) -> None:
    """They are refused like any other unknown one, wherever they stand: in a union too."""
    document = parse(
        'mutation { capturePayment(input: {paymentId: "pay_1", idempotencyKey: "k"})'
        f" {{ __typename @{directive} }} }}"
    )
    (error,) = find_faults(schema._schema, document)

    assert error.message.startswith(f"Unknown directive '@{directive.partition('(')[0]}'")
