"""Metadata: a caller's own keys and values on an order or payment, passed on to the gateway.

The gateway takes 50 keys of up to 40 characters without square brackets, and values of up to 500
(docs.stripe.com/api/metadata). Ten keys are kept back for Tollgate's own. Keys and values
are held to what `domain.text` lets in, or the log, PostgreSQL or the gateway would choke on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.errors import Issue
from domain.text import composed, is_safe

KEYS_MAX = 40
KEY_LENGTH_MAX = 40
VALUE_LENGTH_MAX = 500
RESERVED_PREFIX = "tollgate_"

PATH = ("input", "metadata")


def read_metadata(value: object) -> tuple[dict[str, str], tuple[Issue, ...]]:
    """The metadata that `value` holds, in normalization form C, and the rules it breaks; None means
    no metadata."""
    if value is None:
        return {}, ()
    if not isinstance(value, Mapping):
        return {}, (Issue(PATH, "METADATA_NOT_AN_OBJECT", "Metadata is an object of strings."),)
    normal = {_composed(key): _composed(text) for key, text in value.items()}
    issues = tuple(_issues(value, normal))
    return ({} if issues else {str(key): str(text) for key, text in normal.items()}), issues


def _composed(value: object) -> object:
    return composed(value) if isinstance(value, str) else value


def _issues(value: Mapping[object, object], normal: Mapping[object, object]) -> Iterator[Issue]:
    if len(value) > KEYS_MAX:
        yield Issue(PATH, "METADATA_TOO_MANY_KEYS", f"Metadata has at most {KEYS_MAX} keys.")
        return
    if len(normal) < len(value):
        yield Issue(PATH, "METADATA_KEY_INVALID", "Two metadata keys are the same text.")
    for key, text in normal.items():
        yield from _key_issues(key)
        if not (isinstance(text, str) and len(text) <= VALUE_LENGTH_MAX and is_safe(text)):
            message = (
                f"A metadata value is a string of at most {VALUE_LENGTH_MAX} characters, without "
                "line breaks, controls and what cannot be seen."
            )
            yield Issue(PATH, "METADATA_VALUE_INVALID", message)


def _key_issues(key: object) -> Iterator[Issue]:
    shaped = isinstance(key, str) and 0 < len(key) <= KEY_LENGTH_MAX and is_safe(key)
    if not shaped or any(bracket in str(key) for bracket in "[]"):
        message = (
            f"A metadata key is 1 to {KEY_LENGTH_MAX} visible characters without square brackets."
        )
        yield Issue(PATH, "METADATA_KEY_INVALID", message)
    elif str(key).casefold().startswith(RESERVED_PREFIX):
        message = f"Metadata keys that start with {RESERVED_PREFIX} are Tollgate's own."
        yield Issue(PATH, "METADATA_KEY_RESERVED", message)
