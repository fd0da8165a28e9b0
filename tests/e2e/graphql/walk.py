"""Documents for every operation of a schema, made from its introspection alone.

A value that no rule here can make, such as an id by a new name, is a KeyError: the walk fails until
somebody says what stands for it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

Json = dict[str, Any]
Path = Sequence[str]
"""Fields as `Type.field`, from a root field to the one that is asked for."""


@dataclass
class Values:
    """Makes arguments. `ids` has what stands for an id by the argument's or input field's name,
    `given` whole arguments by the name of a root field or of the type that is to be reached."""

    ids: Mapping[str, str]
    given: Mapping[str, Json] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def arguments(self, path: Path, root: GraphQLField) -> Json:
        """The arguments of the path's root field: those that it cannot do without."""
        for name in (path[-1].split(".")[0], path[0].split(".")[1]):
            if name in self.given:
                return self.given[name]
        return {
            name: self.value(name, argument.type)
            for name, argument in root.args.items()
            if is_required_argument(argument)
        }

    def value(self, name: str, kind: GraphQLInputType) -> Any:
        """A value of this type, for an argument or input field of this name."""
        if isinstance(kind, GraphQLNonNull):
            return self.value(name, kind.of_type)
        if isinstance(kind, GraphQLList):
            return [self.value(name, kind.of_type)]
        if isinstance(kind, GraphQLInputObjectType):
            needed = [at for at, one in kind.fields.items() if is_required_input_field(one)]
            return {
                at: self.value(at, kind.fields[at].type) for at in needed or list(kind.fields)[:1]
            }
        if isinstance(kind, GraphQLEnumType):
            return next(iter(kind.values))
        return self._scalar(name, kind.name)

    def _scalar(self, name: str, kind: str) -> Any:
        if kind == "ID":
            return self.ids[name]
        if name == "token":
            return "pm_card_visa"
        fresh = f"walk-{next(self.numbers)}"
        return {
            "SafeText": fresh,
            "String": fresh,
            "Currency": "USD",
            "Cents": 10_000,
            "Int": 300,
            "Boolean": True,
            "DateTime": "2026-01-01T00:00:00Z",
            "JSON": {},
        }[kind]


def roots(graph: GraphQLSchema) -> Iterator[str]:
    """Every root field."""
    for root in (graph.query_type, graph.mutation_type):
        assert root is not None
        yield from (f"{root.name}.{name}" for name in root.fields)


def field_of(graph: GraphQLSchema, name: str) -> GraphQLField:
    """The field `Type.field`."""
    kind, at = name.split(".")
    owner = graph.type_map[kind]
    assert isinstance(owner, GraphQLObjectType)
    found: GraphQLField = owner.fields[at]
    return found


def path_to(graph: GraphQLSchema, name: str) -> Path:
    """The shortest way from a root field to the field `Type.field`, over queries where one leads
    there, and never over `node`, which leads everywhere."""
    wanted = name.split(".")[0]
    waiting: list[list[str]] = [[root] for root in roots(graph) if root == name]
    waiting += [[root] for root in roots(graph) if root != name]
    seen: set[str] = set()
    while waiting:
        path = waiting.pop(0)
        if path[-1] == name:
            return path
        kind = get_named_type(field_of(graph, path[-1]).type)
        for owner in _objects(graph, kind):
            if owner.name == wanted:
                return [*path, name]
            if owner.name not in seen:
                seen.add(owner.name)
                waiting += [[*path, f"{owner.name}.{at}"] for at in owner.fields]
    raise LookupError(name)


def document(graph: GraphQLSchema, path: Path) -> str:
    """The document that reads the last field of the path, and nothing else."""
    root = field_of(graph, path[0])
    selection = _selection(graph, path)
    kind = "mutation" if path[0].startswith("Mutation.") else "query"
    return f"{kind} Walk{_declared(root.args)} {{ {selection} }}"


def found(path: Path, data: Json | None) -> Any:
    """What the answer has where the path ends; None where it ends before."""
    at: Any = data
    for step in path:
        at = next(iter(at), None) if isinstance(at, list) else at
        at = (at or {}).get(step.split(".")[1])
    return at


def _objects(graph: GraphQLSchema, kind: GraphQLNamedType) -> Sequence[GraphQLObjectType]:
    if kind.name == "Node":
        return ()
    if is_abstract_type(kind):
        return graph.get_possible_types(kind)
    return (kind,) if isinstance(kind, GraphQLObjectType) else ()


def _selection(graph: GraphQLSchema, path: Path) -> str:
    step, rest = path[0], path[1:]
    at = field_of(graph, step)
    name = step.split(".")[1]
    is_root = step.split(".")[0] in {"Query", "Mutation"}
    arguments = ", ".join(f"{argument}: ${argument}" for argument in at.args) if is_root else ""
    called = f"{name}({arguments})" if arguments else name
    if not rest:
        leaf = is_leaf_type(get_named_type(at.type))
        return called if leaf else f"{called} {{ __typename }}"
    return f"{called} {{ ... on {rest[0].split('.')[0]} {{ {_selection(graph, rest)} }} }}"


def _declared(arguments: Mapping[str, GraphQLArgument]) -> str:
    """The operation's variables: one for each argument; those left out have the default."""
    if not arguments:
        return ""
    parts = []
    for name, argument in arguments.items():
        text = str(argument.type)
        # a default of the argument's own: the variable may be left out then
        parts.append(f"${name}: {text if is_required_argument(argument) else text.rstrip('!')}")
    return f"({', '.join(parts)})"
