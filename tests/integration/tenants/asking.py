"""What the schema lets a caller ask, by introspection: documents that select all that a role may
see, and every place in their arguments where a text or an id can be put."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    Undefined,
    build_schema,
    get_named_type,
    is_required_argument,
    parse,
    value_from_ast_untyped,
)

from domain.caller import Role
from schema.limits import DocumentRefused, check_document
from schema.schema import SDL_PATH

SCHEMA: GraphQLSchema = build_schema(SDL_PATH.read_text(encoding="utf-8"))
WHOLE = os.environ.get("TOLLGATE_TENANTS") == "whole"
DEPTHS = (2, 1, 0) if WHOLE else (1, 0)
"""Levels of objects below a field, of which a document selects as many as the API takes; the suite
looks less deep, which is all that its time goes into."""

TEXTS = frozenset({"ID", "String", "SafeText", "JSON"})
"""Scalars in which a caller can name something of somebody else's."""

VALUES: Mapping[str, object] = {
    "Int": 60,
    "Cents": 1_000,
    "Boolean": True,
    "Currency": "USD",
    "DateTime": "2026-01-01T00:00:00Z",
    "Float": 1.0,
}
"""A value for every other scalar. One that stands in neither is of a kind that this walk does not
know: whether it can name something must be said before it is let in."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """One place for a text: the path within the variables, and the scalar that is expected."""

    path: Path
    scalar: str

    @property
    def is_id(self) -> bool:
        """Whether an id is expected."""
        return self.scalar == "ID"

    @property
    def name(self) -> str:
        """The last name of the path that is no place in a list."""
        return next(part for part in reversed(self.path) if part != "0")


@dataclass(frozen=True, eq=False)
class Question:
    """A field with arguments, as a root or reached through an own object by `node`."""

    name: str
    is_mutation: bool
    through: str | None
    field: GraphQLField

    def document(self, role: Role, given: frozenset[str] = frozenset()) -> str:
        """The deepest document that the API takes, with a variable for each argument that is given
        or must be."""
        return _written(self, role, given)

    def written(self, selection: str, said: Collection[str]) -> str:
        """The document with this selection."""
        arguments = {
            name: argument
            for name, argument in self.field.args.items()
            if name in said or least(argument.type, argument) is not Undefined
        }
        heads = ", ".join(f"${name}: {argument.type}" for name, argument in arguments.items())
        given = ", ".join(f"{name}: ${name}" for name in arguments)
        asked = f"{self.name}({given}) {selection}"
        if self.through is None:
            return f"{'mutation' if self.is_mutation else 'query'} ({heads}) {{ {asked} }}"
        return (
            f"query ($through: ID!, {heads}) {{ node(id: $through) {{ __typename"
            f" ... on {self.through} {{ {asked} }} }} }}"
        )

    def variables(self, texts: Callable[[str], object]) -> dict[str, object]:
        """The least that must be said; `texts` gives the text or id for an argument's name."""
        given = {
            name: _filled(name, least(argument.type, argument), texts)
            for name, argument in self.field.args.items()
        }
        return {name: value for name, value in given.items() if value is not Undefined}

    @property
    def slots(self) -> Sequence[Slot]:
        """Every place for a text in the arguments."""
        return [
            slot
            for name, argument in self.field.args.items()
            for slot in _slots((name,), argument.type)
        ]

    def answers(self, role: Role) -> bool:
        """Whether the schema lets the role ask."""
        roles = roles_of(self.field)
        return not roles or role.value in roles


@cache
def _written(question: Question, role: Role, given: frozenset[str]) -> str:
    for depth in DEPTHS:
        selection = _selection(get_named_type(question.field.type), role, depth)
        text = question.written(selection, given)
        try:
            check_document(parse(text))
        except DocumentRefused:
            continue
        return text
    raise AssertionError(f"{question.name} has too many fields to be asked for at once")


def questions() -> Iterator[Question]:
    """Every field of the schema that takes arguments."""
    for root, is_mutation in ((SCHEMA.query_type, False), (SCHEMA.mutation_type, True)):
        assert root is not None
        for name, field in root.fields.items():
            if field.args:
                yield Question(name, is_mutation, None, field)
    for kind in SCHEMA.type_map.values():
        is_root = kind in (SCHEMA.query_type, SCHEMA.mutation_type)
        if isinstance(kind, GraphQLObjectType) and not is_root and not kind.name.startswith("__"):
            yield from _nested(kind)


def _nested(kind: GraphQLObjectType) -> Iterator[Question]:
    for name, field in kind.fields.items():
        if field.args:
            is_node = any(interface.name == "Node" for interface in kind.interfaces)
            assert is_node, f"{kind.name}.{name} takes arguments and is reached by no id"
            yield Question(name, is_mutation=False, through=kind.name, field=field)


def roles_of(field: GraphQLField) -> Sequence[str]:
    """The roles that the schema prints at the field; none where all may."""
    node = field.ast_node
    for directive in (node.directives or ()) if node else ():
        if directive.name.value == "requiresRole" and directive.arguments:
            (argument,) = directive.arguments
            roles: Sequence[str] = value_from_ast_untyped(argument.value)
            return roles
    return ()


def _selection(kind: object, role: Role, depth: int) -> str:
    if isinstance(kind, GraphQLScalarType | GraphQLEnumType):
        return ""
    shapes: dict[str, str] = {}
    if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
        members = [
            f"... on {member.name} {_fields(member, role, depth, shapes)}"
            for member in SCHEMA.get_possible_types(kind)
        ]
        return "{ __typename " + " ".join(members) + " }"
    assert isinstance(kind, GraphQLObjectType)
    return _fields(kind, role, depth, shapes)


def _fields(kind: GraphQLObjectType, role: Role, depth: int, shapes: dict[str, str]) -> str:
    """The fields of the type that need no argument. `shapes` has the types of those that other
    members of a union have asked for: one of another type needs a name of its own."""
    parts = ["__typename"]
    for name, field in kind.fields.items():
        roles = roles_of(field)
        if (roles and role.value not in roles) or _needs_argument(field):
            continue
        named = get_named_type(field.type)
        if depth == 0 and not isinstance(named, GraphQLScalarType | GraphQLEnumType):
            continue
        few = "(first: 2)" if "first" in field.args else ""
        differs = shapes.setdefault(name, str(field.type)) != str(field.type)
        label = f"{kind.name}_{name}: {name}" if differs else name
        parts.append(f"{label}{few} {_selection(named, role, depth - 1)}".strip())
    return "{ " + " ".join(parts) + " }"


def _needs_argument(field: GraphQLField) -> bool:
    return any(is_required_argument(argument) for argument in field.args.values())


def _slots(path: Path, kind: object) -> Iterator[Slot]:
    if isinstance(kind, GraphQLNonNull):
        yield from _slots(path, kind.of_type)
    elif isinstance(kind, GraphQLList):
        yield from _slots((*path, "0"), kind.of_type)
    elif isinstance(kind, GraphQLInputObjectType):
        for name, field in kind.fields.items():
            yield from _slots((*path, name), field.type)
    elif isinstance(kind, GraphQLScalarType) and kind.name in TEXTS:
        yield Slot(path, kind.name)
    elif isinstance(kind, GraphQLScalarType):
        assert kind.name in VALUES, f"{'.'.join(path)} is of {kind.name}, a kind not known here"
    else:
        assert isinstance(kind, GraphQLEnumType), f"{'.'.join(path)} is of a kind not known here"


def least(kind: object, place: GraphQLArgument | GraphQLInputField | None = None) -> object:
    """A value of the input type that says as little as may be; texts are left empty. Undefined
    where nothing need be said."""
    if not isinstance(kind, GraphQLNonNull):
        return Undefined
    if place is not None and place.ast_node is not None and place.ast_node.default_value:
        return Undefined
    kind = kind.of_type
    if isinstance(kind, GraphQLList):
        return [least(kind.of_type)]
    if isinstance(kind, GraphQLInputObjectType):
        given = {name: least(field.type, field) for name, field in kind.fields.items()}
        return {name: value for name, value in given.items() if value is not Undefined}
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    assert isinstance(kind, GraphQLScalarType)
    return "" if kind.name in TEXTS else VALUES[kind.name]


def _filled(name: str, value: object, texts: Callable[[str], object]) -> object:
    if isinstance(value, dict):
        return {key: _filled(key, part, texts) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(name, part, texts) for part in value]
    return texts(name) if value == "" else value


def put(variables: dict[str, object], slot: Slot, value: str) -> dict[str, object]:
    """The variables with a text in the slot."""
    said: object = {"note": value} if slot.scalar == "JSON" else value
    return {**variables, slot.path[0]: _put(variables.get(slot.path[0]), slot.path[1:], said)}


def _put(into: object, path: Path, value: object) -> object:
    if not path:
        return value
    if path[0] == "0":
        return [_put(None, path[1:], value)]
    held = into if isinstance(into, dict) else {}
    return {**held, path[0]: _put(held.get(path[0]), path[1:], value)}
