"""The printed schema: the checked-in contract, and the rules that every part of it keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    get_named_type,
)

from domain import errors
from resolvers.access import ROLES
from schema.errors import HANDLERS
from schema.mutation import MONEY_MUTATIONS
from schema.schema import SDL_PATH, print_sdl

SDL: GraphQLSchema = build_schema(SDL_PATH.read_text(encoding="utf-8"))
TYPES: dict[str, GraphQLNamedType] = {
    name: kind for name, kind in SDL.type_map.items() if not name.startswith("__")
}
_BUILT_IN = {"ID", "String", "Int", "Float", "Boolean"}
_ROLES = re.compile(r"@requiresRole\(roles: \[([A-Z_, ]+)\]\)")


def fields() -> Iterator[tuple[str, GraphQLField]]:
    """Every output field by `Type.field`."""
    for name, kind in TYPES.items():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in kind.fields.items():
                yield f"{name}.{field_name}", field


def mutations() -> dict[str, GraphQLUnionType]:
    """Every mutation with its result union."""
    assert SDL.mutation_type is not None
    unions = {}
    for name, field in SDL.mutation_type.fields.items():
        assert isinstance(field.type, GraphQLNonNull)
        union = get_named_type(field.type)
        assert isinstance(union, GraphQLUnionType)
        unions[name] = union
    return unions


def roles_of(name: str) -> list[str] | None:
    """The roles that the checked-in text gives to `Type.field`."""
    kind, field = name.split(".")
    body = re.search(rf"^type {kind} .*?^}}", SDL_PATH.read_text(), re.DOTALL | re.MULTILINE)
    assert body is not None
    line = re.search(
        rf"^  {field}(\(.*?\n  \))?: \S+( @requiresRole.*)?$", body[0], re.DOTALL | re.MULTILINE
    )
    assert line is not None, name
    match = _ROLES.search(line[2] or "")
    return match[1].split(", ") if match else None


def test_the_checked_in_schema_is_the_printed_one() -> None:
    """`schema/schema.graphql` is what the code prints."""
    assert SDL_PATH.read_text(encoding="utf-8") == print_sdl()


def test_everything_is_described() -> None:
    """Types, fields, arguments, inputs and enum values all say what they mean."""
    bare = [name for name, kind in TYPES.items() if name not in _BUILT_IN and not kind.description]
    for name, field in fields():
        bare += [name] if not field.description else []
        bare += [f"{name}({arg})" for arg, at in field.args.items() if not at.description]
    for name, kind in TYPES.items():
        if isinstance(kind, GraphQLInputObjectType):
            bare += [f"{name}.{at}" for at, given in kind.fields.items() if not given.description]
        if isinstance(kind, GraphQLEnumType):
            bare += [f"{name}.{at}" for at, value in kind.values.items() if not value.description]

    assert bare == []


def test_names_are_cased_as_graphql_cases_them() -> None:
    """Types are PascalCase, fields and arguments camelCase, enum values upper case."""
    pascal, camel = re.compile(r"[A-Z][A-Za-z0-9]*"), re.compile(r"[a-z][A-Za-z0-9]*")
    assert [name for name in TYPES if not pascal.fullmatch(name)] == []
    for name, field in fields():
        assert camel.fullmatch(name.split(".")[1]), name
        assert all(camel.fullmatch(arg) for arg in field.args), name
    for kind in TYPES.values():
        if isinstance(kind, GraphQLEnumType):
            assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*", value) for value in kind.values)


def test_every_connection_has_the_same_shape() -> None:
    """edges, nodes and pageInfo are never null, totalCount may be; edges are cursor and node."""
    connections = [name for name in TYPES if name.endswith("Connection")]
    assert sorted(connections) == [
        "AuditEntryConnection",
        "DisputeConnection",
        "OrderConnection",
        "PaymentConnection",
        "PaymentEventConnection",
        "RefundConnection",
        "TenantConnection",
        "WebhookEventConnection",
    ]
    for name in connections:
        item = name.removesuffix("Connection")
        shape = {at: str(field.type) for at, field in SDL.type_map[name].fields.items()}  # type: ignore[attr-defined]
        edge = {at: str(field.type) for at, field in SDL.type_map[f"{item}Edge"].fields.items()}  # type: ignore[attr-defined]

        assert shape == {
            "edges": f"[{item}Edge!]!",
            "nodes": f"[{item}!]!",
            "pageInfo": "PageInfo!",
            "totalCount": "Int",
        }
        assert edge == {"cursor": "String!", "node": f"{item}!"}


def test_a_page_size_is_described_as_it_is() -> None:
    """Only where a list has no size of its own does its description speak of the general one."""
    for name, field in fields():
        size = field.args.get("first")
        if size is not None:
            assert size.description is not None
            general = "25 when neither first nor last" in size.description
            assert general == ("last" in field.args), name


def test_every_error_implements_the_interface() -> None:
    """A type whose name ends in Error has the interface's fields, so that a default branch can
    read them."""
    for name, kind in TYPES.items():
        if name.endswith("Error") and isinstance(kind, GraphQLObjectType):
            assert [interface.name for interface in kind.interfaces] == ["Error"], name


def test_no_amount_is_an_int() -> None:
    """Amounts never travel as Int, whose 31 bits end at 21 million."""
    for name, field in fields():
        if re.search("cents|amount|fee$", name.split(".")[1].lower()):
            assert get_named_type(field.type).name not in {"Int", "Float"}, name


def test_every_mutation_can_say_what_is_wrong_with_its_input() -> None:
    """Each result union has one success, ValidationError, and errors only beside them."""
    for name, union in mutations().items():
        members = [member.name for member in union.types]

        assert "ValidationError" in members, name
        assert len([member for member in members if not member.endswith("Error")]) == 1, name
        assert union.name.endswith("Result")


def test_every_money_mutation_can_answer_every_failure_of_the_gateway() -> None:
    """The five that call the gateway have the members for its failures and the key's."""
    assert set(mutations()) >= MONEY_MUTATIONS
    for name in MONEY_MUTATIONS:
        members = {member.name for member in mutations()[name].types}
        assert members >= {"GatewayError", "IdempotencyError", "InvalidStateError", "NotFoundError"}


def test_every_domain_error_has_a_handler() -> None:
    """No concrete domain error falls through the table of handlers."""

    def below(kind: type[errors.DomainError]) -> Iterator[type[errors.DomainError]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    handled = tuple(handler.exception_type for handler in HANDLERS)

    assert [kind for kind in below(errors.DomainError) if not issubclass(kind, handled)] == []


def test_every_root_field_stands_in_the_access_table() -> None:
    """The table and the schema name the same operations, and the schema prints the table."""
    root = {name for name, _ in fields() if name.split(".")[0] in {"Query", "Mutation"}}

    assert {name for name in ROLES if name.split(".")[0] in {"Query", "Mutation"}} == root
    for name, roles in ROLES.items():
        printed = roles_of(name)
        assert printed is not None, name
        assert set(printed) == {role.value for role in roles}, name


def test_no_field_asks_for_roles_beyond_the_table() -> None:
    """A directive stands only where the table has an entry."""
    guarded = {name for name, _ in fields() if name.split(".")[0] != "Node" and _guarded(name)}

    assert guarded == set(ROLES)


def _guarded(name: str) -> bool:
    kind = SDL.type_map[name.split(".")[0]]
    return isinstance(kind, GraphQLObjectType) and roles_of(name) is not None
