"""Every field with the roles that may read it, worked out from the access table and the schema.

docs/roles.md is printed from here, so that a reviewer sees what a change of either opens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from graphql import (
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    get_named_type,
)

from domain.caller import Role
from domain.ids import Prefix
from resolvers.access import NODES, NULLED, ROLES, needs_tenant
from schema.nodes import LOADS
from schema.schema import print_sdl

ROLES_PATH = Path(__file__).parents[1] / "docs" / "roles.md"
"""The printed table, checked in."""

ROOTS = ("Query", "Mutation")

_HEAD = """\
# Who may read and do what

Printed by `tollgate schema roles` from the access table (`resolvers/access.py`) and the schema; do
not edit it. `scripts/check` compares. Each line is a field and each column a role:

- **yes**: the field answers. CHECKOUT is a shopper's page and sees its one order and the payments
  of that order; any other id is answered as one that does not exist.
- **no**: the field is refused with FORBIDDEN.
- **null**: the field reads null.
- nothing: the role cannot come to an object that has the field.

PLATFORM_ADMIN acts in the tenant that the header `Tollgate-Tenant` names, for the reason in
`Tollgate-Reason`; the last column is what it may ask without them.
"""

_NODES_HEAD = """\
## By id alone

What `node` and `nodes` give; to other roles these objects do not exist. All but
tiers are of a tenant.
"""


class Answer(StrEnum):
    """What a field says to a role."""

    YES = "yes"
    NULL = "null"
    NO = "no"
    NOT_REACHED = ""


class Matrix:
    """The answer of every field to every role."""

    def __init__(self, graph: GraphQLSchema) -> None:
        self.graph = graph
        self._reached = {role: frozenset(_reached(graph, role)) for role in Role}

    def answer(self, role: Role, name: str) -> Answer:
        """What `Type.field` says to the role, for a caller who has a tenant."""
        if name.split(".")[0] not in self._reached[role]:
            return Answer.NOT_REACHED
        return direct_answer(role, name)

    def fields(self) -> Mapping[str, Sequence[str]]:
        """The fields of each object type, the roots first."""
        names = sorted(self.graph.type_map, key=_roots_first)
        kinds = ((name, self.graph.type_map[name]) for name in names if not name.startswith("__"))
        return {
            name: list(kind.fields) for name, kind in kinds if isinstance(kind, GraphQLObjectType)
        }


def direct_answer(role: Role, name: str) -> Answer:
    """What `Type.field` says to the role once it has the object."""
    if role in ROLES.get(name, Role):
        return Answer.YES
    return Answer.NULL if name in NULLED else Answer.NO


def the_matrix() -> Matrix:
    """The matrix of the schema as it is served."""
    return Matrix(build_schema(print_sdl()))


def print_roles() -> str:
    """docs/roles.md."""
    matrix = the_matrix()
    parts = [_HEAD]
    for name, fields in matrix.fields().items():
        parts.append("\n".join([f"## {name}", "", *_table(matrix, name, fields), ""]))
    rows = [_row(f"{LOADS[prefix].type_name} (`{prefix}_…`)", _held(prefix)) for prefix in LOADS]
    parts.append("\n".join([_NODES_HEAD, *_header("object", tuple(Role)), *rows, ""]))
    return "\n".join(parts)


def _table(matrix: Matrix, name: str, fields: Sequence[str]) -> Iterator[str]:
    is_root = name in ROOTS
    yield from _header("field", (*Role, "without a tenant") if is_root else tuple(Role))
    for field in fields:
        full = f"{name}.{field}"
        answers = [matrix.answer(role, full) for role in Role]
        if is_root:
            answers.append(Answer.NO if needs_tenant(full) else answers[-1])
        yield _row(field, answers)


def _held(prefix: Prefix) -> list[Answer]:
    return [Answer.YES if role in _holders(prefix) else Answer.NULL for role in Role]


def _holders(prefix: Prefix) -> frozenset[Role]:
    return NODES.get(prefix, frozenset())


def _roots_first(name: str) -> tuple[bool, str]:
    return name not in ROOTS, "" if name == "Query" else name


def _header(first: str, names: Sequence[str]) -> Sequence[str]:
    return (_row(first, names), _row("---", ["---"] * len(names)))


def _row(first: str, cells: Sequence[str]) -> str:
    return f"| {first} | {' | '.join(cells)} |"


def _reached(graph: GraphQLSchema, role: Role) -> set[str]:
    """The object types that the role can come to, over fields that answer it."""
    found: set[str] = set()
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        kind = graph.type_map[name]
        if name in found or not isinstance(kind, GraphQLObjectType):
            continue
        found.add(name)
        for field_name, field in kind.fields.items():
            if direct_answer(role, f"{name}.{field_name}") is Answer.YES:
                waiting += objects_of(graph, get_named_type(field.type), role)
    return found


def objects_of(graph: GraphQLSchema, kind: GraphQLNamedType, role: Role) -> list[str]:
    """The object types that a field of this type can give to the role."""
    if kind.name == "Node":
        return [at.type_name for prefix, at in LOADS.items() if role in _holders(prefix)]
    if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
        return [possible.name for possible in graph.get_possible_types(kind)]
    return [kind.name] if isinstance(kind, GraphQLObjectType) else []
