"""Names of the schema: who may not read it learns none by guessing, whatever is misspelt."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
    parse,
)

from domain.caller import Role
from schema.context import GraphContext
from schema.documents import find_faults
from schema.presentation import show
from schema.schema import SDL_PATH, schema
from tests.unit.schema.shop import a_caller, a_context, execute

PUBLISHED = build_schema(SDL_PATH.read_text(encoding="utf-8"))
TYPES = [kind for name, kind in PUBLISHED.type_map.items() if not name.startswith("__")]
REQUIRED = re.compile(
    r"is required, but it was not provided|was not provided|to include required field"
)
"""Says what is missing where something is used; it is no guess at what was meant."""


def misspelt(name: str) -> str:
    """The name with a wrong last letter, near enough to be recognized."""
    return name[:-1] + ("x" if name[-1] != "x" else "y")


def guesses() -> Iterator[tuple[str, str]]:
    """Each name of the schema, and a document in which it is misspelt."""
    for kind in TYPES:
        name = misspelt(kind.name)
        yield kind.name, f"query ($v: {name}) {{ viewer {{ id }} }}"
        yield kind.name, f"{{ ... on {name} {{ id }} }}"
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            yield from guesses_at_fields(kind)
        elif isinstance(kind, GraphQLInputObjectType | GraphQLEnumType):
            yield from guesses_at_values(kind)
    for directive in PUBLISHED.directives:
        yield directive.name, f"{{ viewer @{misspelt(directive.name)} {{ id }} }}"
        for argument in directive.args:
            wrong = f"@{directive.name}({misspelt(argument)}: true)"
            yield argument, f"{{ viewer {wrong} {{ id }} }}"


def guesses_at_fields(kind: GraphQLObjectType | GraphQLInterfaceType) -> Iterator[tuple[str, str]]:
    """The fields of a type, and their arguments."""
    fragment = f"query {{ ...f }} fragment f on {kind.name}"
    for name, field in kind.fields.items():
        yield name, f"{fragment} {{ {misspelt(name)} }}"
        for argument in field.args:
            yield argument, f"{fragment} {{ {name}({misspelt(argument)}: 1) }}"


def guesses_at_values(kind: GraphQLInputObjectType | GraphQLEnumType) -> Iterator[tuple[str, str]]:
    """The members of an input, and the values of an enum."""
    if isinstance(kind, GraphQLInputObjectType):
        values = [(name, f"{{{misspelt(name)}: 1}}") for name in kind.fields]
    else:
        values = [(name, misspelt(name)) for name in kind.values]
    for name, value in values:
        yield name, f"query ($v: {kind.name} = {value}) {{ viewer {{ id }} }}"


def test_no_misspelt_name_is_put_right() -> None:
    """Every name of the schema, in every place where it may stand: the answer has it nowhere."""
    tried = told = 0
    for name, document in guesses():
        errors = find_faults(schema._schema, parse(document))
        assert errors, document
        messages = [
            str(show(error, validated=False, request_id="r").body["message"]) for error in errors
        ]
        tried += 1
        for message in (at for at in messages if not REQUIRED.search(at)):
            told += 1
            assert "Did you mean" not in message
            assert not re.search(rf"['\"]{name}['\"]", message) or _in(name, document), message

    assert tried > 500
    assert told >= tried


def _in(name: str, document: str) -> bool:
    """Whether the caller wrote the name itself."""
    return re.search(rf"\b{name}\b", document) is not None


FILTERED = "query ($f: PaymentFilter) { payments(filter: $f) { totalCount } }"


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        (
            FILTERED,
            {"f": {"search_": 1}},
        ),
        (
            FILTERED,
            {"f": {"statusIn": ["PAIX"]}},
        ),
        (
            FILTERED,
            {"f": {"createdAt": {"gtx": 1}}},
        ),
        (
            "mutation ($i: ChargePaymentInput!) { chargePayment(input: $i) { __typename } }",
            {"i": {"paymentMethox": 1}},
        ),
    ],
)
async def test_no_misspelt_variable_is_put_right(
    document: str, variables: dict[str, object]
) -> None:
    """What is wrong with a value is said without the names that would be right."""
    result = await execute(document, caller=a_caller(Role.ADMIN), variables=variables)
    messages = [
        str(show(error, validated=True, request_id="r").body["message"])
        for error in result.errors or ()
    ]

    assert messages
    for message in messages:
        assert "Did you mean" not in message
        if not REQUIRED.search(message):
            assert not re.search(r"\b(search|PAID|gte|paymentMethod)\b", message)


@pytest.mark.parametrize(
    "document",
    [
        "{ __schema { types { name } } }",
        '{ __type(name: "Payment") { name } }',
        "{ viewer { id } __schema { queryType { name } } }",
        "{ s: __schema { queryType { name } } }",
        "{ ...f } fragment f on Query { __schema { queryType { name } } }",
        "{ ... on Query { ... @include(if: true) { __schema { queryType { name } } } } }",
        "query A { viewer { id } } query B { __schema { queryType { name } } }",
    ],
)
async def test_introspection_is_for_who_may(document: str) -> None:
    """However it is asked for, the schema is FORBIDDEN to who may not read it, and nothing runs."""
    context = GraphContext(a_context(a_caller(Role.ADMIN)))
    name = "A" if "query A" in document else None
    refused = await schema.execute(document, context_value=context, operation_name=name)
    allowed = await execute(document.replace("query A { viewer { id } }", ""),
                            caller=a_caller(Role.ADMIN))  # fmt: skip

    assert refused.data is None
    codes = [show(at, validated=False, request_id="r").code for at in refused.errors or ()]
    assert codes == ["FORBIDDEN"]
    assert allowed.errors is None


async def test_typename_is_for_everybody() -> None:
    """`__typename` tells a client which member of a union it has, and is no introspection."""
    context = GraphContext(a_context(a_caller(Role.VIEWER)))
    result = await schema.execute("{ __typename viewer { __typename } }", context_value=context)

    assert result.data == {"__typename": "Query", "viewer": {"__typename": "Viewer"}}
