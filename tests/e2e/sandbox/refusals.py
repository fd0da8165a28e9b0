"""Request bodies that Stripe's schema refuses, generated from its OpenAPI description."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.sandbox import openapi

# A parameter as a form can carry it.
Value = str | dict[str, Any] | list[Any]

UNKNOWN = "zz_unknown"
DEPTH_MAX = 3

_TYPES = {
    "integer": re.compile(r"-?\d+"),
    "number": re.compile(r"-?\d+(\.\d+)?"),
    "boolean": re.compile(r"true|false"),
}


@dataclass(frozen=True, slots=True)
class Broken:
    """A value that the schema refuses, for one parameter, and what is wrong with it."""

    parameter: str
    fault: str
    value: Value

    def form(self) -> list[tuple[str, str]]:
        """The value in Stripe's form encoding."""
        return list(encoded(self.parameter, self.value))


def encoded(name: str, value: Value) -> Iterator[tuple[str, str]]:
    """A value as form fields: a[b]=c, a[0]=c."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from encoded(f"{name}[{key}]", child)
    else:
        for index, child in enumerate(value):
            yield from encoded(f"{name}[{index}]", child)


def of_body(method: str, template: str) -> list[Broken]:
    """Every broken value of an operation's body, its unknown parameter included."""
    operation = openapi.description()["paths"][template][method]
    content = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]
    return list(_of_properties(content["schema"]["properties"]))


def required(method: str, template: str) -> list[str]:
    """The parameters that an operation's body must have."""
    operation = openapi.description()["paths"][template][method]
    content = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]
    return list(content["schema"].get("required", []))


def of_query(template: str) -> list[Broken]:
    """Every broken value of a read's query, its unknown parameter included."""
    parameters = openapi.description()["paths"][template]["get"].get("parameters", [])
    schemas = {part["name"]: part["schema"] for part in parameters if part["in"] == "query"}
    return list(_of_properties(schemas))


def _of_properties(schemas: Mapping[str, Any]) -> Iterator[Broken]:
    yield Broken(UNKNOWN, "unknown parameter", "1")
    for name, schema in schemas.items():
        for fault, value in _broken(schema, 1):
            if not accepts(schema, value):
                yield Broken(name, fault, value)


def accepts(schema: Any, value: Value) -> bool:
    """Whether Stripe's schema takes this form value."""
    if "anyOf" in schema:
        return any(accepts(branch, value) for branch in schema["anyOf"])
    kind = schema.get("type", "string")
    if kind == "object":
        return isinstance(value, dict) and _accepts_object(schema, value)
    if kind == "array":
        return isinstance(value, list) and all(accepts(schema["items"], item) for item in value)
    if not isinstance(value, str):
        return False
    if kind in _TYPES:
        return _TYPES[kind].fullmatch(value) is not None
    longest = schema.get("maxLength", len(value))
    return len(value) <= longest and value in schema.get("enum", [value])


def _accepts_object(schema: Any, value: Mapping[str, Any]) -> bool:
    known = schema.get("properties", {})
    rest = schema.get("additionalProperties")
    if not set(schema.get("required", [])) <= set(value):
        return False
    return all(
        accepts(known.get(name, rest), child) if name in known or isinstance(rest, dict) else False
        for name, child in value.items()
    )


def _broken(schema: Any, depth: int) -> Iterator[tuple[str, Value]]:
    """Candidates of values that this schema refuses; the caller keeps what it really refuses."""
    if "anyOf" in schema:
        for branch in schema["anyOf"]:
            yield from _broken(branch, depth)
        return
    kind = schema.get("type", "string")
    if kind in _TYPES:
        yield f"no {kind}", "zz"
        yield f"an object for {kind}", {"zz": "1"}
    elif kind == "string":
        yield from _broken_text(schema)
    elif kind == "array":
        yield "text for a list", "zz"
        for fault, value in _broken(schema["items"], depth + 1):
            yield f"{fault}, in a list", [value]
    else:
        yield from _broken_object(schema, depth)


def _broken_text(schema: Any) -> Iterator[tuple[str, Value]]:
    yield "an object for text", {"zz": "1"}
    if "enum" in schema:
        yield "no such choice", "zz_no_choice"
    elif "maxLength" in schema:
        yield "too long", "x" * (schema["maxLength"] + 1)


def _broken_object(schema: Any, depth: int) -> Iterator[tuple[str, Value]]:
    yield "text for an object", "zz"
    known = schema.get("properties", {})
    needed = {name: example(known[name]) for name in schema.get("required", [])}
    if "additionalProperties" in schema:
        yield "an object inside", {"zz": {"zz": "1"}}
        return
    yield "unknown inside", {**needed, UNKNOWN: "1"}
    for name in needed:
        rest = {other: value for other, value in needed.items() if other != name}
        optional = {other: example(known[other]) for other in known if other not in needed}
        yield f"{name} missing", {**rest, **dict(list(optional.items())[:1])}
    if depth < DEPTH_MAX:
        for name, child in known.items():
            for fault, value in _broken(child, depth + 1):
                yield f"{name}: {fault}", {**needed, name: value}


def example(schema: Any) -> Value:
    """A value that the schema takes."""
    if "anyOf" in schema:
        return example(schema["anyOf"][0])
    kind = schema.get("type", "string")
    if kind == "object":
        known = schema.get("properties", {})
        return {name: example(known[name]) for name in schema.get("required", [])}
    if kind == "array":
        return [example(schema["items"])]
    plain = {"integer": "1", "number": "1.5", "boolean": "true"}
    return plain.get(kind) or str(schema.get("enum", ["x"])[0])
