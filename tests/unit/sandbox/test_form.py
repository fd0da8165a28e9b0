"""Form decoding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.core import Sandbox
from sandbox.errors import ApiError
from sandbox.form import decode
from sandbox.wire import Request


def test_nested_names_become_nested_mappings() -> None:
    """Brackets name keys of mappings, and indexes of lists."""
    decoded = decode("a[b][0]=c&a[b][1]=d&e=f")

    assert decoded == {"a": {"b": {"0": "c", "1": "d"}}, "e": "f"}


def test_empty_brackets_append() -> None:
    """expand[]=x appends in the order in which it comes."""
    assert decode("expand[]=x&expand[]=y") == {"expand": {"0": "x", "1": "y"}}


def test_escapes_and_blanks_are_kept() -> None:
    """Percent escapes, plus signs and empty values are what they mean."""
    assert decode("a=1%262&b=x+y&c=") == {"a": "1&2", "b": "x y", "c": ""}


@pytest.mark.parametrize(
    "text", ["a=1&a[b]=2", "a[b]=2&a=1", "a[b]=1&a[b][c]=2", "[a]=1", "a]b[=1"]
)
def test_contradictions_are_refused(text: str) -> None:
    """A name that is both a value and a mapping, or that cannot be read, is refused."""
    with pytest.raises(ApiError):
        decode(text)


def test_depth_is_bounded() -> None:
    """A name nested without end is refused."""
    with pytest.raises(ApiError):
        decode("a" + "[b]" * 50 + "=1")


@given(st.text(max_size=80))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    """Whatever comes in is decoded or refused in Stripe's words, never an unforeseen error."""
    sandbox = Sandbox()
    headers = {"authorization": "Bearer sk_test_unit0001"}
    path = "/v1/customers"
    answers = (
        sandbox.handle(Request("GET", path, text, headers)),
        sandbox.handle(Request("POST", path, "", headers, text.encode(errors="replace"))),
    )

    assert all(answer.status in (200, 400) for answer in answers)
