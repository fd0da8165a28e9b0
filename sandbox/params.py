"""Checked parameters: what Stripe's request schema refuses is refused here, in Stripe's words.

The schema is parameters.json, made from Stripe's OpenAPI description by
``sandbox.parameters_from_openapi``. A node is one of:

- ``"str"``, ``"int"``, ``"bool"``, ``"num"``, ``"map"`` (of text), ``"unset"`` (an empty text);
- ``{"str": longest}``, ``{"enum": [...]}``, ``{"list": node}``, ``{"any": [node, ...]}``;
- ``{"object": {name: node}, "required": [...]}``;
- ``null``: Stripe knows the parameter, the sandbox does not take it.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from sandbox.errors import ApiError, refused
from sandbox.form import Form

Node = str | None | dict[str, object]
Value = str | int | float | bool | None | list["Value"] | dict[str, "Value"]

INTEGER = re.compile(r"-?\d{1,18}\Z")
NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,12})?\Z")
TEXT_LENGTH_MAX = 5000
METADATA_KEYS_MAX = 50
METADATA_KEY_LENGTH_MAX = 40
METADATA_VALUE_LENGTH_MAX = 500


def load_schema() -> dict[str, dict[str, object]]:
    """The parameters of every operation, by Stripe's operation id."""
    text = Path(__file__).with_name("parameters.json").read_text(encoding="utf-8")
    return cast(dict[str, dict[str, object]], json.loads(text))


class Params:
    """The checked parameters of one request; a value that was unset with "" reads as None."""

    __slots__ = ("_values", "prefix")

    def __init__(self, values: Mapping[str, Value], prefix: str = "") -> None:
        self._values = values
        self.prefix = prefix

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str | None:
        """A text, or None."""
        value = self._values.get(name)
        return value if isinstance(value, str) else None

    def integer(self, name: str) -> int | None:
        """An integer, or None."""
        value = self._values.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def flag(self, name: str) -> bool | None:
        """A boolean, or None."""
        value = self._values.get(name)
        return value if isinstance(value, bool) else None

    def texts(self, name: str) -> list[str]:
        """A list of texts, empty when not given."""
        value = self._values.get(name)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

    def nested(self, name: str) -> "Params | None":
        """An object's parameters, or None."""
        value = self._values.get(name)
        return Params(value, f"{name}.") if isinstance(value, dict) else None

    def mapping(self, name: str) -> dict[str, str]:
        """A mapping of texts, empty when not given or unset."""
        value = self._values.get(name)
        if not isinstance(value, dict):
            return {}
        return {key: item for key, item in value.items() if isinstance(item, str)}

    def required_text(self, name: str) -> str:
        """A text that the schema requires."""
        value = self.text(name)
        if value is None:
            raise _missing(name)
        return value

    def required_integer(self, name: str) -> int:
        """An integer that the schema requires."""
        value = self.integer(name)
        if value is None:
            raise _missing(name)
        return value


def check(form: Form, operation: Mapping[str, object]) -> Params:
    """Holds a decoded form against an operation's schema; raises ApiError as Stripe refuses."""
    return Params(_object(form, operation, ""))


def merged_metadata(current: dict[str, str], params: Params) -> dict[str, str]:
    """Metadata after an update: given keys replace, an empty value removes, "" removes all."""
    if "metadata" not in params:
        return current
    given = params.mapping("metadata")
    if not given:
        return {}
    _check_metadata(given)
    merged = {key: value for key, value in {**current, **given}.items() if value}
    if len(merged) > METADATA_KEYS_MAX:
        raise refused("You can set up to 50 metadata keys on an object.", "metadata")
    return merged


def _check_metadata(given: Mapping[str, str]) -> None:
    for key, value in given.items():
        if len(key) > METADATA_KEY_LENGTH_MAX:
            raise refused(
                f"Invalid metadata key: '{key[:60]}'; must be at most 40 characters", "metadata"
            )
        if len(value) > METADATA_VALUE_LENGTH_MAX:
            raise refused(
                "Metadata values can have up to 500 characters, but you passed in a value that "
                f"is {len(value)} characters.",
                f"metadata[{key}]",
            )


def _object(form: Form, node: Mapping[str, object], path: str) -> dict[str, Value]:
    known = cast(Mapping[str, Node], node["object"])
    unknown = [_name(path, name) for name in form if name not in known]
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        raise refused(
            f"Received unknown parameter{plural}: {', '.join(unknown)}",
            unknown[0],
            "parameter_unknown",
        )
    for name in cast(list[str], node.get("required", [])):
        if name not in form:
            raise _missing(_name(path, name))
    return {name: _value(value, known[name], _name(path, name)) for name, value in form.items()}


def _value(value: "str | Form", node: Node, path: str) -> Value:
    if node is None:
        raise refused(f"The sandbox does not support the parameter {path}; Stripe does.", path)
    if isinstance(node, str):
        return _simple(value, node, path)
    return _composed(value, node, path)


def _composed(value: "str | Form", node: dict[str, object], path: str) -> Value:
    if "enum" in node:
        return _enum(value, cast(list[str], node["enum"]), path)
    if "str" in node:
        return _text(value, cast(int, node["str"]), path)
    if "any" in node:
        return _any(value, cast(list[Node], node["any"]), path)
    if isinstance(value, str):
        if value == "":
            raise _empty(path)
        raise refused("Invalid array" if "list" in node else "Invalid object", path)
    if "list" in node:
        return _list(value, cast(Node, node["list"]), path)
    return _object(value, node, path)


def _simple(value: "str | Form", kind: str, path: str) -> Value:
    if kind == "map":
        return _map(value, path)
    if kind == "unset":
        if value != "":
            raise refused(f"Invalid {path}: must be empty", path)
        return None
    if kind == "str":
        return _text(value, TEXT_LENGTH_MAX, path)
    if not isinstance(value, str):
        raise refused(f"Invalid {_kind_name(kind)}: {_shown(value)}", path)
    if value == "":
        raise _empty(path)
    return _number_or_flag(value, kind, path)


def _number_or_flag(value: str, kind: str, path: str) -> Value:
    if kind == "int" and INTEGER.match(value):
        return int(value)
    if kind == "bool" and value in ("true", "false"):
        return value == "true"
    if kind == "num" and NUMBER.match(value):
        return float(value)
    code = "parameter_invalid_integer" if kind == "int" else None
    raise refused(f"Invalid {_kind_name(kind)}: {value[:100]}", path, code)


def _kind_name(kind: str) -> str:
    return {"int": "integer", "bool": "boolean", "num": "number"}[kind]


def _text(value: "str | Form", longest: int, path: str) -> str:
    if not isinstance(value, str):
        raise refused(f"Invalid string: {_shown(value)}", path)
    if value == "":
        raise _empty(path)
    if len(value) > longest:
        shown = f"{value[:8]}...{value[-6:]}"
        raise refused(f"Invalid string: {shown}; must be at most {longest} characters", path)
    return value


def _enum(value: "str | Form", allowed: list[str], path: str) -> Value:
    if isinstance(value, str) and value in allowed:
        return value or None
    if value == "":
        raise _empty(path)
    raise refused(f"Invalid {path}: must be one of {_choices(allowed)}", path)


def _any(value: "str | Form", nodes: list[Node], path: str) -> Value:
    first: ApiError | None = None
    for node in nodes:
        try:
            return _value(value, node, path)
        except ApiError as error:
            first = first or error
    raise first or _empty(path)


def _list(value: Form, node: Node, path: str) -> list[Value]:
    return [_value(item, node, f"{path}[{index}]") for index, item in enumerate(value.values())]


def _map(value: "str | Form", path: str) -> Value:
    if value == "":
        return None
    if isinstance(value, str):
        raise refused("Invalid object", path)
    texts: dict[str, Value] = {}
    for key, item in value.items():
        if not isinstance(item, str):
            raise refused(f"Invalid string: {_shown(item)}", f"{path}[{key}]")
        texts[key] = item
    return texts


def _missing(name: str) -> ApiError:
    return refused(f"Missing required param: {name}.", name, "parameter_missing")


def _empty(path: str) -> ApiError:
    return refused(
        f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset "
        f"a parameter; however '{path}' cannot be unset. You should remove '{path}' from your "
        "request or supply a non-empty value.",
        path,
        "parameter_invalid_empty",
    )


def _name(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _shown(value: object) -> str:
    return json.dumps(value)[:100]


def _choices(allowed: Iterable[str]) -> str:
    names = [name for name in allowed if name][:60]
    if len(names) < 3:
        return " or ".join(names)
    return f"{', '.join(names[:-1])}, or {names[-1]}"
