"""The access table against the schema: every field has its rule, and every rule its field."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    extend_schema,
    parse,
)

from domain.caller import Role
from resolvers.access import NODES, NULLED, OPEN, PLATFORM_WIDE, ROLES, WHOLE
from schema.nodes import LOADS
from schema.roles import ROLES_PATH, ROOTS, Answer, Matrix, print_roles
from schema.schema import SDL_PATH

SDL = build_schema(SDL_PATH.read_text(encoding="utf-8"))
MATRIX = Matrix(SDL)
FIELDS = [f"{kind}.{field}" for kind, fields in MATRIX.fields().items() for field in fields]
WITHIN_A_TENANT = (Role.DEVELOPER, Role.OPERATOR, Role.FINANCE)


def places(graph: GraphQLSchema) -> Iterator[tuple[str, list[str]]]:
    """Every field with the parts of the table that speak of it. A field that a type has from an
    interface stands with the interface, unless the type has a rule of its own for it."""
    for name, kind in graph.type_map.items():
        if name.startswith("__") or not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            continue
        inherited = {field for at in kind.interfaces for field in at.fields}
        for field in kind.fields:
            found = ["ROLES"] if f"{name}.{field}" in ROLES else []
            found += ["OPEN"] if field in OPEN.get(name, ()) else []
            if not found and name in WHOLE:
                found = ["WHOLE"]
            if found or field not in inherited:
                yield f"{name}.{field}", found


def misplaced(graph: GraphQLSchema) -> list[str]:
    """The fields that the table does not speak of exactly once, or has by the wrong name: a root
    field stands in ROLES alone."""
    found = []
    for field, parts in places(graph):
        is_root = field.split(".")[0] in ROOTS
        if len(parts) != 1 or (is_root and parts != ["ROLES"]):
            found.append(field)
    return found


def test_every_field_has_its_rule() -> None:
    """A field without a rule, or with two, is named here until it is placed."""
    assert misplaced(SDL) == []


@pytest.mark.parametrize(
    ("extension", "field"),
    [
        ("extend type Query { secrets: [String!]! }", "Query.secrets"),
        ("extend type Mutation { drain: String }", "Mutation.drain"),
        ("extend type Payment { riskScore: Int }", "Payment.riskScore"),
        ("extend interface Error { trace: String } ", "Error.trace"),
        ("type Payout { id: ID! } extend type Order { payout: Payout }", "Payout.id"),
    ],
)
def test_a_new_field_is_noticed(extension: str, field: str) -> None:
    """A field that nobody has placed yet is found, wherever it is."""
    graph = extend_schema(SDL, parse(extension), assume_valid=True)

    assert field in misplaced(graph)


def test_no_rule_is_about_nothing() -> None:
    """Each entry of the table has its field or its type in the schema."""
    fields = {name for name, _ in places(SDL)}
    assert set(ROLES) <= fields
    assert set(ROLES) >= NULLED
    assert set(ROLES) >= PLATFORM_WIDE
    for kind, names in OPEN.items():
        assert {f"{kind}.{name}" for name in names} <= fields
    assert all(isinstance(SDL.type_map[kind], GraphQLObjectType) for kind in WHOLE)


def test_a_shopper_reaches_what_is_open_and_nothing_else() -> None:
    """Types in OPEN are those that CHECKOUT can come to, types in WHOLE those that it cannot."""
    reached = {
        kind
        for kind, fields in MATRIX.fields().items()
        if MATRIX.answer(Role.CHECKOUT, f"{kind}.{fields[0]}") is not Answer.NOT_REACHED
    }
    interfaces = {name for name, at in SDL.type_map.items() if isinstance(at, GraphQLInterfaceType)}

    assert reached - set(ROOTS) == set(OPEN) - interfaces
    assert reached.isdisjoint(WHOLE)


def test_null_is_read_only_where_it_may_be() -> None:
    """A field that reads null for some roles may be null."""
    for name in NULLED:
        kind, field = name.split(".")
        owner = SDL.type_map[kind]
        assert isinstance(owner, GraphQLObjectType)
        assert not isinstance(owner.fields[field].type, GraphQLNonNull), name


def test_what_can_be_had_by_its_id_has_a_rule() -> None:
    """Each kind of object behind `node` has its roles, and only those that may read it at all."""
    assert set(NODES) == set(LOADS)
    for prefix, kind in LOADS.items():
        fields = [name for name in FIELDS if name.startswith(f"{kind.type_name}.")]
        for role in Role:
            reached = any(MATRIX.answer(role, name) is Answer.YES for name in fields)
            assert (role in NODES[prefix]) <= reached, (prefix, role)


@pytest.mark.parametrize("name", FIELDS)
def test_roles_contain_one_another_as_designed(name: str) -> None:
    """DEVELOPER, OPERATOR and FINANCE have all of VIEWER's, ADMIN has all of theirs, and
    PLATFORM_ADMIN has all of ADMIN's but the client secret."""
    answers = {role: MATRIX.answer(role, name) is Answer.YES for role in Role}

    assert all(answers[role] >= answers[Role.VIEWER] for role in WITHIN_A_TENANT)
    assert answers[Role.ADMIN] >= any(answers[role] for role in WITHIN_A_TENANT)
    if name != "PaymentNextAction.clientSecret":
        assert answers[Role.PLATFORM_ADMIN] >= answers[Role.ADMIN]


def test_the_checked_in_table_is_the_printed_one() -> None:
    """docs/roles.md is what `tollgate schema roles` prints."""
    assert ROLES_PATH.read_text(encoding="utf-8") == print_roles()


def test_the_table_says_what_the_rules_are() -> None:
    """A few lines of the printed table, read by eye."""
    text = ROLES_PATH.read_text(encoding="utf-8")
    for line in (
        "| viewer | yes | yes | yes | yes | yes | yes | yes | yes |",
        "| refundPayment | no | no | no | yes | yes | yes | yes | no |",
        "| clientSecret | yes | null | null | yes | null | yes | null |",
        "| metadata | no | yes | yes | yes | yes | yes | yes |",
        "| basisPoints |  | yes | yes | yes | yes | yes | yes |",
    ):
        assert line in text.splitlines()
