"""Top-level errors: their codes, what they keep to themselves, and what is masked."""

from __future__ import annotations

import pytest
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from domain.caller import Role
from domain.errors import Issue, ValidationFailed
from domain.ports import DatabaseUnavailable
from schema.codes import RequestErrorCode
from schema.presentation import Shown, is_request_error, show
from tests.unit.schema.shop import Shelf, Till, a_caller, execute

QUOTE = '($a: Cents!) { feeQuote(amountCents: $a, currency: "USD") { amount { decimal } } }'
ORDER = "query ($b: OrderBy!) { order(by: $b) { id } }"
CARD = "4242424242424242"


def shown(result: ExecutionResult) -> list[Shown]:
    """The result's errors as a client sees them."""
    validated = not isinstance(result, PreExecutionError)
    return [show(at, validated=validated, request_id="req-1") for at in result.errors or ()]


class Broken(Shelf):
    """A shelf whose tiers cannot be read."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def fee_tiers(self, *, include_archived: bool) -> list[object]:  # type: ignore[override]
        raise self.error


@pytest.mark.parametrize(
    ("document", "variables", "code"),
    [
        ("{", None, "GRAPHQL_PARSE_FAILED"),
        ("\ud800", None, "GRAPHQL_PARSE_FAILED"),
        ("{a" * 5000, None, "QUERY_TOO_COMPLEX"),
        ("{ nope }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer { idd } }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer @skip(if: 5) { id } }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("{" + "b: viewer { id } " * 40 + "}", None, "QUERY_TOO_COMPLEX"),
        ('{ feeQuote(amountCents: 1.0, currency: "USD") { amount { decimal } } }', None, None),
        ('{ feeQuote(amountCents: -1, currency: "USD") { amount { decimal } } }', None, None),
        ('{ feeQuote(amountCents: 1, currency: "usd") { amount { decimal } } }', None, None),
        (f"query {QUOTE}", {"a": 1.0}, None),
        (f"query {QUOTE}", {"a": True}, None),
        (f"query {QUOTE}", {"a": 2**53}, None),
        (f"query {QUOTE}", {}, None),
        (ORDER, {"b": {"id": "1", "reference": "2"}}, None),
        (ORDER, {"b": {}}, None),
        (ORDER, {"b": {"idd": "1"}}, None),
        ("query ($a: Boolean) { feeTiers(includeArchived: $a) { id } }", {"a": None}, None),
        ("{ payments(first: 0) { totalCount } }", None, None),
        ("{ payments(first: 101) { totalCount } }", None, None),
        ("{ payments(first: 1, last: 1) { totalCount } }", None, None),
        ('{ payments(after: "ord_0000000000000000000000000a") { totalCount } }', None, None),
    ],
)  # fmt: skip
async def test_a_callers_mistake_has_its_code(
    document: str, variables: dict[str, object] | None, code: str | None
) -> None:
    """Each mistake is told apart, carries the request id, and is nobody's alarm."""
    result = await execute(document, caller=a_caller(Role.ADMIN), variables=variables)
    (first, *_) = shown(result)

    assert first.code == (code or "BAD_USER_INPUT")
    assert first.body["extensions"] == {"code": first.code.value, "requestId": "req-1"}
    assert first.unexpected is None


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        (f"query {QUOTE}", {"a": CARD}),
        (f"query {QUOTE}", {"a": int(CARD)}),
        (f"query {QUOTE}", {"a": 1, "sk_test_secret": {"x": CARD}}),
        (ORDER, {"b": {"id": [CARD]}}),
        (ORDER, {"b": {CARD: "sk_live_secret"}}),
        (f"{{ payments(first: {CARD}) {{ totalCount }} }}", None),
        (f'{{ node(id: 5) {{ id a{CARD} }} }}', None),
    ],
)  # fmt: skip
async def test_no_error_repeats_a_secret(
    document: str, variables: dict[str, object] | None
) -> None:
    """Neither a card number nor a value that was sent stands in a message."""
    result = await execute(document, caller=a_caller(Role.ADMIN), variables=variables)
    text = str([error.body for error in shown(result)])

    assert "4242" not in text
    assert "secret" not in text


@pytest.mark.parametrize(
    "document",
    [
        "{ viewr { id } }",
        "{ viewer { rolez } }",
        "{ payments(frist: 1) { totalCount } }",
        "{ payments(filter: {statusIn: [PAYED]}) { totalCount } }",
        "{ payments(filter: {stausIn: [PAID]}) { totalCount } }",
        "query ($f: PaymentFiltr) { payments(filter: $f) { totalCount } }",
    ],
)
async def test_no_error_guesses_at_names(document: str) -> None:
    """A misspelt name is not answered with the names that there are."""
    result = await execute(document, caller=a_caller(Role.ADMIN))

    assert result.errors
    assert all("Did you mean" not in str(error.body) for error in shown(result))


async def test_an_error_speaks_of_the_schemas_types() -> None:
    """A null where one name is wanted is answered without the types of our own program."""
    result = await execute("{ order(by: {id: null}) { id } }", caller=a_caller(Role.ADMIN))

    assert str(shown(result)[0].body["message"]) == "Expected value of type 'ID', found null."
    assert "Maybe" not in str([error.body for error in shown(result)])


async def test_what_is_unexpected_is_masked() -> None:
    """The client learns the request id, and the exception stays behind for the log."""
    error = RuntimeError("password=hunter2")
    result = await execute("{ feeTiers { id } }", caller=a_caller(Role.ADMIN), shelf=Broken(error))
    (only,) = shown(result)

    assert only.code is RequestErrorCode.INTERNAL_SERVER_ERROR
    assert only.unexpected is error
    assert "hunter2" not in str(only.body)
    assert only.body["path"] == ["feeTiers"]


async def test_an_unexpected_error_of_a_mutation_is_masked_too() -> None:
    """What no handler knows is no union member."""
    result = await execute(
        'mutation { cancelOrder(input: {orderId: "ord_0000000000000000000000000a", '
        'idempotencyKey: "k"}) { __typename } }',
        caller=a_caller(Role.ADMIN),
        till=Till(raises=KeyError("x")),
    )
    (only,) = shown(result)

    assert only.code is RequestErrorCode.INTERNAL_SERVER_ERROR


async def test_a_database_that_is_away_is_overload() -> None:
    """The caller may repeat the call, and nobody's stack trace is needed."""
    result = await execute(
        "{ feeTiers { id } }",
        caller=a_caller(Role.ADMIN),
        shelf=Broken(DatabaseUnavailable("no connection to 10.0.0.7")),
    )
    (only,) = shown(result)

    assert only.code is RequestErrorCode.OVERLOADED
    assert only.unexpected is None
    assert "10.0.0.7" not in str(only.body)


async def test_a_rule_broken_in_a_query_is_bad_input_with_its_rule() -> None:
    """A query has no union: the domain's rule stands in detailCode."""
    issue = Issue(("amountCents",), "FEE_NOT_BELOW_AMOUNT", "Too small.")
    result = await execute(
        f"query {QUOTE}",
        caller=a_caller(Role.ADMIN),
        till=Till(raises=ValidationFailed(issue)),
        variables={"a": 1},
    )
    (only,) = shown(result)

    assert only.body["message"] == "Too small."
    assert only.body["extensions"] == {
        "code": "BAD_USER_INPUT",
        "requestId": "req-1",
        "detailCode": "FEE_NOT_BELOW_AMOUNT",
    }


async def test_a_missing_role_is_forbidden() -> None:
    """FORBIDDEN at the field, with the rest of the answer intact where it can be."""
    result = await execute(
        'mutation { createOrder(input: {reference: "a", totalAmountCents: 1, currency: "USD", '
        'idempotencyKey: "k"}) { __typename } }',
        caller=a_caller(Role.VIEWER),
    )
    (only,) = shown(result)

    assert only.code is RequestErrorCode.FORBIDDEN
    assert not is_request_error(result)


@pytest.mark.parametrize("document", ["{", "{ nope }", f"query {QUOTE}"])
async def test_a_document_that_was_not_executed_is_a_request_error(document: str) -> None:
    """Parse, validation and variable errors leave no data; a field's error does."""
    refused = await execute(document, caller=a_caller(Role.ADMIN))
    failed = await execute("{ payments(first: 0) { totalCount } }", caller=a_caller(Role.ADMIN))

    assert is_request_error(refused)
    assert not is_request_error(failed)
