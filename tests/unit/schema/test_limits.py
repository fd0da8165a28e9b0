"""Limits of a document, and that measuring them costs little whatever it expands to."""

from __future__ import annotations

import pytest
from graphql import (
    FragmentDefinitionNode,
    GraphQLObjectType,
    OperationDefinitionNode,
    build_schema,
    get_introspection_query,
    get_named_type,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

from domain.caller import Role
from domain.reports import PAGE_SIZE_DEFAULT
from schema.codes import RequestErrorCode
from schema.limits import (
    ALIASES_MAX,
    DEPTH_MAX,
    DIRECTIVES_MAX,
    FIELDS_MAX,
    FRAGMENTS_MAX,
    OPERATIONS_MAX,
    SPREADS_MAX,
    VARIABLES_MAX,
    DocumentRefused,
    check_document,
)
from schema.measuring import LISTS, Walk
from schema.presentation import show
from schema.schema import SDL_PATH
from tests.unit.schema.shop import a_caller, execute

TOO_COMPLEX = RequestErrorCode.QUERY_TOO_COMPLEX


def code_of(document: str) -> RequestErrorCode | None:
    """The code that refuses the document, None when it is let through."""
    try:
        check_document(parse(document))
    except DocumentRefused as refused:
        return refused.code
    return None


def bomb(levels: int, fan_out: int = 2) -> str:
    """A document whose fragments multiply at every level."""
    multiplied = "".join(
        f"fragment f{level} on Query {{ {f'...f{level + 1} ' * fan_out}}}"
        for level in range(levels)
    )
    return f"{{ ...f0 }} {multiplied} fragment f{levels} on Query {{ viewer {{ id }} }}"


def fields(count: int) -> str:
    """That many different fields."""
    return " ".join(f"a{at}" for at in range(count))


def variables(count: int) -> str:
    """An operation with that many variables."""
    return f"query ({' '.join(f'$v{at}: Int' for at in range(count))}) {{ a }}"


def nested(levels: int) -> str:
    """A document that many fields deep."""
    return "{" + "a{" * (levels - 1) + "a" + "}" * levels


@pytest.mark.parametrize(
    ("at_most", "above"),
    [
        (nested(DEPTH_MAX), nested(DEPTH_MAX + 1)),
        (f"{{ {fields(FIELDS_MAX)} }}", f"{{ {fields(FIELDS_MAX + 1)} }}"),
        ("{" + "b: a " * ALIASES_MAX + "}", "{" + "b: a " * (ALIASES_MAX + 1) + "}"),
        ("{" + "a " * 63 + "}", "{" + "a " * 64 + "}"),
        ("{" + "a(b: 1) " * 45 + "}", "{" + "a(b: 1) " * 46 + "}"),
        ("{" + "... { a }" * 63 + "}", "{" + "... { a }" * 64 + "}"),
        (variables(VARIABLES_MAX), variables(VARIABLES_MAX + 1)),
        (f"{{ a(b: [{'1 ' * 495}]) }}", f"{{ a(b: [{'1 ' * 496}]) }}"),
        ("query a { b } " * OPERATIONS_MAX, "query a { b } " * (OPERATIONS_MAX + 1)),
        ("{" + "...g " * SPREADS_MAX + "}", "{" + "...g " * (SPREADS_MAX + 1) + "}"),
        (
            "{" + "a @skip(if: true) " * DIRECTIVES_MAX + "}",
            "{" + "a @skip(if: true) " * (DIRECTIVES_MAX + 1) + "}",
        ),
        (
            "{a}" + "".join(f"fragment f{at} on Q {{a}}" for at in range(FRAGMENTS_MAX)),
            "{a}" + "".join(f"fragment f{at} on Q {{a}}" for at in range(FRAGMENTS_MAX + 1)),
        ),
    ],
    ids=[
        *("depth", "fields", "aliases", "duplicates", "arguments", "types", "variables"),
        *("values", "operations", "spreads", "directives", "fragments"),
    ],
)
def test_a_limit_lets_its_value_through_and_no_more(at_most: str, above: str) -> None:
    """Each limit is the largest that passes."""
    assert code_of(at_most) is None
    assert code_of(above) is TOO_COMPLEX


def test_a_fragment_counts_at_every_spread() -> None:
    """A fragment of 200 fields spread three times is 600 fields, however it is reached."""
    body = f"fragment f on Q {{ {fields(200)} }}"

    assert code_of("{ ...f ...f }" + body) is None
    assert code_of("{ ...f ...f ... on Q { ...f } }" + body) is TOO_COMPLEX


def test_a_fragment_deepens_where_it_is_spread() -> None:
    """Depth goes on through a fragment."""
    body = "fragment f on Q " + nested(6)

    assert code_of("{a{a{a{a{a{a{ ...f }}}}}}}" + body) is None
    assert code_of("{a{a{a{a{a{a{a{ ...f }}}}}}}}" + body) is TOO_COMPLEX


@pytest.mark.parametrize("fan_out", [2, 3])
@pytest.mark.parametrize("levels", [10, 18, 20, 50, 200])
async def test_a_bomb_is_refused(levels: int, fan_out: int) -> None:
    """A document that expands to fan_out^levels fields is refused as too complex."""
    result = await execute(bomb(levels, fan_out), caller=a_caller(Role.ADMIN))

    assert result.data is None
    shown = [show(at, validated=False, request_id="r") for at in result.errors or ()]
    assert [at.code for at in shown] == [TOO_COMPLEX]


@pytest.mark.parametrize("fan_out", [1, 2, 3, 10])
@pytest.mark.parametrize("levels", [1, 10, 100])
def test_a_walk_looks_at_each_selection_once(levels: int, fan_out: int) -> None:
    """What the walk does grows with the document's length, not with what it expands to."""
    document = parse(bomb(levels, fan_out))
    fragments = {
        at.name.value: at for at in document.definitions if isinstance(at, FragmentDefinitionNode)
    }
    (operation,) = (at for at in document.definitions if isinstance(at, OperationDefinitionNode))
    walk = Walk(fragments, {}, lambda _: None)
    measure = walk.measure(operation.selection_set.selections, nesting=1)

    assert walk.visited == 1 + levels * fan_out + 2
    assert measure.fields == 2 * fan_out**levels
    assert not walk.is_circular


@given(st.integers(1, 60), st.integers(0, 6))
def test_nested_inline_fragments_and_cycles_end(levels: int, width: int) -> None:
    """Inline fragments and fragments that spread one another are measured without end trouble."""
    inline = "{" + "... on Query {" * levels + "viewer { id }" + "}" * (levels + 1)
    ring = "".join(
        f"fragment f{at} on Query {{ a ...f{(at + 1) % (width + 1)} }}" for at in range(width + 1)
    )

    assert code_of(inline) in {None, TOO_COMPLEX}
    assert code_of("{ ...f0 }" + ring) is RequestErrorCode.GRAPHQL_VALIDATION_FAILED


async def test_the_introspection_of_an_ide_passes() -> None:
    """The full introspection query is within the limits."""
    query = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )
    result = await execute(query, caller=a_caller(Role.VIEWER))

    assert result.errors is None
    assert result.data


async def test_introspection_does_not_walk_from_type_to_type() -> None:
    """Introspection that multiplies the types with one another is refused."""
    query = "{__schema{types{fields{type{fields{type{fields{name}}}}}}}}"
    result = await execute(query, caller=a_caller(Role.VIEWER))

    assert result.data is None
    assert result.errors


@pytest.mark.parametrize(
    "document",
    [
        "mutation { a: chargePayment b: capturePayment }",
        "mutation { chargePayment chargePayment }",
        "mutation { chargePayment ...f } fragment f on Mutation { refundPayment }",
        "mutation { ...f ...f } fragment f on Mutation { cancelPayment }",
        "mutation { ... on Mutation { authorizePayment } ... @skip(if: true) { chargePayment } }",
    ],
)
def test_a_document_moves_money_once(document: str) -> None:
    """A second money mutation is refused, however it is written down."""
    assert code_of(document) is RequestErrorCode.BAD_USER_INPUT


@pytest.mark.parametrize(
    "document",
    [
        "mutation { createOrder cancelOrder chargePayment }",
        "mutation A { chargePayment } mutation B { refundPayment }",
        "query { chargePayment refundPayment }",
        "mutation { chargePayment { refundPayment { capturePayment } } }",
    ],
)
def test_one_money_mutation_passes(document: str) -> None:
    """Other mutations, other operations and fields of the same name further down do not count."""
    assert code_of(document) is None


async def test_several_operations_need_a_name() -> None:
    """Without operationName a document of two operations is refused, not guessed at."""
    result = await execute(
        "query A { viewer { id } } query B { viewer { id } }", caller=a_caller(Role.ADMIN)
    )

    assert result.data is None
    assert result.errors
    assert "operationName" in result.errors[0].message


FIVE = "fragment five on Payment {" + "refunds { totalCount } " * 4 + "timeline { totalCount } }"


@pytest.mark.parametrize(
    ("at_most", "above"),
    [
        ("payments(first: 99) { nodes { ...five } }", "payments(first: 100) { nodes { ...five } }"),
        ("payments(last: 99) { nodes { ...five } }", "payments(last: 100) { nodes { ...five } }"),
        ("payments(first: $n) { nodes { ...five } }", "payments(first: $o) { nodes { ...five } }"),
        ("nodes(ids: $ids) { ...five }", "nodes(ids: $ids) { ...five } orders { totalCount }"),
        (
            "orders { nodes { payments(first: 3) { nodes { ...five } } } }",
            "orders { nodes { payments { nodes { ...five } } } }",
        ),
    ],
)
def test_the_lists_of_a_list_count_for_each_item(at_most: str, above: str) -> None:
    """Five lists of each of 99 payments pass, of each of 100 do not, however the page's size is
    told; where it is not known, it counts as the largest."""
    told = {"n": 99, "ids": ["x"] * 100}

    check_document(parse(f"{{ {at_most} }} {FIVE}"), told)
    with pytest.raises(DocumentRefused, match="smaller pages") as refused:
        check_document(parse(f"{{ {above} }} {FIVE}"), told)

    assert refused.value.code is TOO_COMPLEX


def test_every_list_of_the_schema_counts() -> None:
    """Each field that answers a slice of a list is known with its default size."""
    sliced = {
        (name, field.args["first"].default_value or PAGE_SIZE_DEFAULT)
        for kind in build_schema(SDL_PATH.read_text(encoding="utf-8")).type_map.values()
        if isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items()
        if get_named_type(field.type).name.endswith("Connection")
    }

    assert {name for name, _ in sliced} == set(LISTS)
    assert all(LISTS[name] >= size for name, size in sliced)


@pytest.mark.parametrize("digits", [20, 5_000])
async def test_an_integer_of_a_document_is_of_a_decent_length(digits: int) -> None:
    """An integer that no field could take is the caller's mistake, whatever field it is for."""
    document = f"{{ payments(first: -{'9' * digits}) {{ nodes {{ id }} }} }}"
    result = await execute(document, caller=a_caller(Role.ADMIN))

    assert result.errors
    assert code_of(document) is RequestErrorCode.BAD_USER_INPUT
    assert "19 digits" in result.errors[0].message
    assert code_of(f'{{ node(id: "{"9" * 40}") {{ id }} }}') is None


async def test_a_long_document_is_not_parsed_to_its_end() -> None:
    """A document of 30 000 tokens is refused by the parser's own count."""
    result = await execute("{" + "viewer{id} " * 7500 + "}", caller=a_caller(Role.ADMIN))

    assert result.errors
    assert "tokens" in result.errors[0].message
