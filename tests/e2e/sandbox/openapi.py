"""Stripe's published OpenAPI description as JSON Schema validators.

The description is of API version 2026-08-26, the library speaks 2026-10-28. Response schemas are
closed here (a property that Stripe does not describe is a fault), so a newer field must be listed
in NEWER with its reason.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

ROOT = Path(__file__).resolve().parents[3]

# (schema, property) -> why an answer may carry it although the description of 2026-08-26 does not.
NEWER: Mapping[tuple[str, str], str] = {}

# Objects of the sandbox that the description, cut to 31 paths, leaves out.
UNDESCRIBED: Mapping[str, str] = {
    "balance": "GET /v1/balance is not among the 31 paths of the cut description",
}

_KEPT = ("type", "enum", "maxLength", "pattern", "required", "minimum", "maximum")


def location() -> Path:
    """Where the description is looked for: $TOLLGATE_STRIPE_OPENAPI or beside the checkout."""
    named = os.environ.get("TOLLGATE_STRIPE_OPENAPI")
    return Path(named) if named else ROOT.parent / "shared" / "stripe" / "openapi.json"


def absence() -> str | None:
    """Why the schema checks cannot run, or None when the description is there."""
    path = location()
    if path.is_file():
        return None
    return f"Stripe's OpenAPI description is not at {path}; set TOLLGATE_STRIPE_OPENAPI to it"


@cache
def description() -> Any:
    """The description itself, read once."""
    return json.loads(location().read_text())


def faults(method: str, path: str, status: int, body: Any) -> list[str]:
    """What is wrong with an answer, judged by Stripe's schema; an empty list when nothing is.

    `path` is the request's path without its query; `body` the parsed JSON.
    """
    if status >= 400:
        return _against("error", body)
    operation = _operation(method, path)
    found = _against(operation, body) if operation else _by_object(body)
    return found + [fault for event in _events(body) for fault in _by_object(event)]


def _by_object(body: Any) -> list[str]:
    """Faults of an object judged by the schema that its own `object` names."""
    name = body["object"]
    if name == "list":
        return [fault for item in body["data"] for fault in _by_object(item)]
    if name in UNDESCRIBED:
        return []
    if name not in description()["components"]["schemas"]:
        return [f"Stripe describes no object called {name!r}"]
    return _against(name, body)


def _events(body: Any) -> Iterator[Any]:
    """The snapshots inside the events of an answer, which the event's schema leaves open."""
    candidates = body["data"] if body.get("object") == "list" else [body]
    for candidate in candidates:
        if candidate["object"] == "event":
            yield candidate["data"]["object"]


def _against(name: str, body: Any) -> list[str]:
    validator = _validator(name)
    if validator.is_valid(body):
        return []
    fault = best_match(validator.iter_errors(body))
    return [f"{name}{fault.json_path[1:]}: {fault.message[:300]}"] if fault else []


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{_key(name)}", "$defs": _definitions()})


@cache
def _definitions() -> dict[str, Any]:
    schemas = description()["components"]["schemas"]
    named = {name: _converted(schema, name) for name, schema in schemas.items()}
    answers = {
        _key(f"{method} {path}"): _converted(_answer_schema(operation), "")
        for path, operations in description()["paths"].items()
        for method, operation in operations.items()
    }
    return named | answers


def _answer_schema(operation: Any) -> Any:
    return operation["responses"]["200"]["content"]["application/json"]["schema"]


def _key(name: str) -> str:
    """A name that stands unescaped in a JSON pointer."""
    return re.sub(r"[/{} ]", "-", name)


def _converted(schema: Any, owner: str) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema: `nullable` spelled out, objects closed."""
    result = _bare(schema, owner)
    if not schema.get("nullable"):
        return result
    if isinstance(result.get("type"), str) and "enum" not in result:
        return result | {"type": [result["type"], "null"]}
    return {"anyOf": [result, {"type": "null"}]}


def _bare(schema: Any, owner: str) -> dict[str, Any]:
    if "$ref" in schema:
        return {"$ref": "#/$defs/" + _key(schema["$ref"].rpartition("/")[2])}
    result: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    if "anyOf" in schema:
        result["anyOf"] = [_converted(branch, owner) for branch in schema["anyOf"]]
    if "items" in schema:
        result["items"] = _converted(schema["items"], owner)
    if isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = _converted(schema["additionalProperties"], owner)
    if "properties" in schema:
        result["properties"] = _properties(schema, owner)
        result.setdefault("additionalProperties", False)
    return result


def _properties(schema: Any, owner: str) -> dict[str, Any]:
    described = {name: _converted(child, owner) for name, child in schema["properties"].items()}
    newer: dict[str, Any] = {name: {} for schema_name, name in NEWER if schema_name == owner}
    return newer | described


def _operation(method: str, path: str) -> str | None:
    """The description's key of an operation (`get-/v1/charges/{charge}` in pointer form)."""
    for template, pattern in _templates():
        if pattern.fullmatch(path) and method in description()["paths"][template]:
            return f"{method} {template}"
    return None


@cache
def _templates() -> list[tuple[str, re.Pattern[str]]]:
    # Literal segments win over parameters: /v1/payment_intents/search over {intent}.
    ordered = sorted(description()["paths"], key=lambda path: path.count("{"))
    return [(path, re.compile(re.sub(r"\{\w+\}", "[^/]+", path))) for path in ordered]
