"""Parameters held against Stripe's request schemas."""

import json
import os
from pathlib import Path

import pytest

from sandbox.errors import ApiError
from sandbox.form import decode
from sandbox.parameters_from_openapi import compile_schema, render
from sandbox.params import check, load_schema, merged_metadata
from sandbox.router import ROUTES

SCHEMA = load_schema()
ROOT = Path(__file__).parents[3]
OPENAPI = Path(
    os.environ.get("TOLLGATE_STRIPE_OPENAPI", ROOT.parent / "shared" / "stripe" / "openapi.json")
)


def _refusal(operation: str, text: str) -> ApiError:
    with pytest.raises(ApiError) as caught:
        check(decode(text), SCHEMA[operation])
    assert not caught.value.stored
    return caught.value


@pytest.mark.parametrize(
    ("text", "code", "param"),
    [
        ("amount=5&currency=usd&foo=1", "parameter_unknown", "foo"),
        ("amount=5&currency=usd&automatic_payment_methods[foo]=1", "parameter_unknown",
         "automatic_payment_methods[foo]"),
        ("currency=usd", "parameter_missing", "amount"),
        ("amount=5", "parameter_missing", "currency"),
        ("amount=5.5&currency=usd", "parameter_invalid_integer", "amount"),
        ("amount=&currency=usd", "parameter_invalid_empty", "amount"),
        ("amount=5&currency=", "parameter_invalid_empty", "currency"),
        ("amount=5&currency=usd&confirm=yes", None, "confirm"),
        ("amount=5&currency=usd&capture_method=never", None, "capture_method"),
        ("amount=5&currency=usd&metadata=x", None, "metadata"),
        ("amount=5&currency=usd&expand=latest_charge", None, "expand"),
        ("amount=5&currency[a]=usd", None, "currency"),
        ("amount=5&currency=usd&statement_descriptor=" + "x" * 23, None, "statement_descriptor"),
        ("amount=5&currency=usd&automatic_payment_methods[allow_redirects]=never",
         "parameter_missing", "automatic_payment_methods[enabled]"),
    ],
)  # fmt: skip
def test_what_the_schema_refuses(text: str, code: str | None, param: str) -> None:
    """Each kind of wrong parameter has Stripe's code and names the parameter."""
    refusal = _refusal("PostPaymentIntents", text)

    assert (refusal.status, refusal.code, refusal.param) == (400, code, param)


def test_a_parameter_not_implemented_is_refused_by_name() -> None:
    """What Stripe knows and the sandbox does not take is refused, never ignored."""
    refusal = _refusal("PostPaymentIntents", "amount=5&currency=usd&transfer_data[amount]=1")

    assert refusal.param == "transfer_data"
    assert "does not support" in refusal.message


def test_unset_reads_as_none() -> None:
    """An empty text unsets what can be unset, and is seen as given."""
    params = check(decode("receipt_email=&metadata="), SCHEMA["PostPaymentIntentsIntent"])

    assert "receipt_email" in params
    assert params.text("receipt_email") is None
    assert merged_metadata({"a": "1"}, params) == {}


def test_metadata_is_merged_and_bounded() -> None:
    """Given keys replace, empty values remove; keys, values and their number have limits."""
    update = SCHEMA["PostPaymentIntentsIntent"]
    params = check(decode("metadata[b]=&metadata[c]=3"), update)
    assert merged_metadata({"a": "1", "b": "2"}, params) == {"a": "1", "c": "3"}

    for text in (f"metadata[{'k' * 41}]=1", f"metadata[a]={'v' * 501}", _many(51)):
        with pytest.raises(ApiError):
            merged_metadata({}, check(decode(text), update))
    assert len(merged_metadata({}, check(decode(_many(50)), update))) == 50


def _many(count: int) -> str:
    return "&".join(f"metadata[k{number}]=1" for number in range(count))


def test_every_route_has_its_parameters() -> None:
    """Routes and parameter schemas name the same operations."""
    assert {operation_id for _, _, operation_id, _ in ROUTES} == set(SCHEMA)


def test_parameters_are_those_of_the_description() -> None:
    """parameters.json is what Stripe's description gives, where that file is at hand."""
    if not OPENAPI.exists():
        pytest.skip(f"Stripe's OpenAPI description is not at {OPENAPI}")
    compiled = compile_schema(json.loads(OPENAPI.read_text(encoding="utf-8")))

    assert render(compiled) == (ROOT / "sandbox" / "parameters.json").read_text(encoding="utf-8")
