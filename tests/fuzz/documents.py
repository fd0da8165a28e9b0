"""Documents made from the schema, so that most of them are valid, and ways to break them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import cast

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
)

from tests.fuzz.values import Json, named, of_type

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\.\.\.|\$?\w+|[^\s\w]')
_STRAY = (
    *("{", "}", "(", ")", "[", "]", ":", "!", "...", "@", "$", "|", "#", '"', '"""', "\\u0000"),
    *("null", "on", "fragment", "query", "mutation", "subscription", "__schema", "__typename"),
    *("@skip(if: true)", "@include(if: $x)", "@defer", "@stream", "@oneOf", "99999999999999999999"),
    *('"4242424242424242"', "4242424242424242", "1.0e999", "# 4242 4242 4242 4242\n", "\ufeff"),
)


@dataclass
class Operation:
    """One operation and the variables that it takes."""

    document: str
    variables: dict[str, Json] = field(default_factory=dict)


def operation(
    random: Random, schema: GraphQLSchema, known: Mapping[str, Sequence[str]]
) -> Operation:
    """An operation with one to three fields of the root, and a value for each argument."""
    root = schema.mutation_type if random.random() < 0.45 else schema.query_type
    assert root is not None
    kind = "mutation" if root is schema.mutation_type else "query"
    count = 1 if kind == "mutation" else random.choice((1, 1, 2, 3))
    made = _Making(random, schema, known)
    fields = [
        f"r{number}: {made.select(name, at, 4)}"
        for number, (name, at) in enumerate(random.choices(list(root.fields.items()), k=count))
    ]
    head = f"({', '.join(made.declared)})" if made.declared else ""
    name = random.choice(("", "Fuzz", "_"))
    return Operation(f"{kind} {name}{head} {{ {' '.join(fields)} }}", made.variables)


@dataclass
class _Making:
    random: Random
    schema: GraphQLSchema
    known: Mapping[str, Sequence[str]]
    declared: list[str] = field(default_factory=list)
    variables: dict[str, Json] = field(default_factory=dict)

    def select(self, name: str, at: GraphQLField, depth: int) -> str:
        """The field with its arguments as variables and what is selected below it."""
        arguments = [
            f"{argument}: ${self._declare(argument, given)}"
            for argument, given in at.args.items()
            if isinstance(given.type, GraphQLNonNull)
            or self.random.random() < (0.05 if argument in {"after", "before", "last"} else 0.3)
        ]
        told = f"({', '.join(arguments)})" if arguments else ""
        return f"{name}{told}{self._below(get_named_type(at.type), depth)}"

    def _declare(self, name: str, argument: GraphQLArgument) -> str:
        variable = f"v{len(self.declared)}"
        self.declared.append(f"${variable}: {argument.type}")
        value = named(self.random, name, self.known)
        if value is None:
            value = of_type(self.random, argument.type, self.known)
        self.variables[variable] = value
        return variable

    def _below(self, kind: GraphQLNamedType, depth: int, *, alias: str = "") -> str:
        if isinstance(kind, GraphQLUnionType):
            members = [
                f"... on {at.name}{self._below(at, depth - 1, alias=f'{at.name}_')}"
                for at in kind.types
            ]
            return f" {{ __typename {' '.join(members)} }}"
        if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            return ""
        fields = list(kind.fields.items())
        chosen = self.random.sample(fields, k=min(len(fields), self.random.choice((1, 2, 4, 8))))
        kept = [
            (f"{alias}{name}: " if alias else "") + self.select(name, at, depth - 1)
            for name, at in chosen
            if depth > 0 or not _has_fields(at)
        ]
        return f" {{ {' '.join(['__typename', *kept])} }}"


def _has_fields(at: GraphQLField) -> bool:
    kind = get_named_type(at.type)
    return isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType)


def broken(random: Random, document: str) -> str:
    """The document with some of its tokens taken out, doubled, swapped or replaced."""
    tokens = cast(list[str], _TOKEN.findall(document)) or ["{"]
    for _ in range(random.choice((1, 1, 2, 5))):
        at = random.randrange(len(tokens))
        match random.randrange(5):
            case 0:
                tokens[at] = ""
            case 1:
                tokens.insert(at, tokens[at])
            case 2:
                other = random.randrange(len(tokens))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 3:
                tokens[at] = random.choice(_STRAY)
            case _:
                end = min(len(tokens), at + random.randrange(1, 8))
                tokens[at:at] = tokens[at:end] * random.choice((1, 2, 30))
    return " ".join(tokens)


def bomb(random: Random) -> str:
    """A document that asks for far more than it says."""
    size = random.choice((5, 30, 200, 1_000))
    match random.randrange(5):
        case 0:
            parts = [f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(size)]
            return "{ ...f0 } " + " ".join(parts) + f" fragment f{size} on Query {{ __typename }}"
        case 1:
            return "{ orders { nodes " * size + "{ id }" + "} }" * size
        case 2:
            return "{ " + " ".join(f"a{n}: __typename" for n in range(size)) + " }"
        case 3:
            return "{ __typename " + "@skip(if: false) " * size + "}"
        case _:
            return "query (" + ", ".join(f"$v{n}: Int" for n in range(size)) + ") { __typename }"
