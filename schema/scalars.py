"""Scalars: what a value must look like before any rule is asked. A refusal is BAD_USER_INPUT."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from domain.currency import EXPONENTS
from domain.text import composed, is_safe
from schema.codes import BadInput

Cents = NewType("Cents", int)
SignedCents = NewType("SignedCents", int)
Currency = NewType("Currency", str)
SafeText = NewType("SafeText", str)
Json = NewType("Json", object)

CENTS_MAX = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259, section 6)."""

TEXT_LENGTH_MAX = 500

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def parse_cents(value: object) -> Cents:
    """Whole minor units. A float is refused even where it is whole: 1.0 is a caller's bug."""
    if type(value) is not int or not 0 <= value <= CENTS_MAX:
        raise BadInput("Cents are whole minor units from 0 to 2^53-1")
    return Cents(value)


def parse_signed_cents(value: object) -> SignedCents:
    """Whole minor units that may be negative."""
    if type(value) is not int or not -CENTS_MAX <= value <= CENTS_MAX:
        raise BadInput("SignedCents are whole minor units up to 2^53-1 either way")
    return SignedCents(value)


def parse_currency(value: object) -> Currency:
    """An upper-case ISO 4217 code that the gateway takes."""
    if not isinstance(value, str) or value not in EXPONENTS:
        raise BadInput("Currency is an upper-case ISO 4217 code that Tollgate takes")
    return Currency(value)


def parse_safe_text(value: object) -> SafeText:
    """Text in Unicode normalization form C that `is_safe`, at most 500 characters long."""
    if not isinstance(value, str):
        raise BadInput("SafeText is a string")
    if not is_safe(value):
        raise BadInput("SafeText has no control characters, invisible ones or lone surrogates")
    text = composed(value)
    if len(text) > TEXT_LENGTH_MAX:
        raise BadInput(f"SafeText has at most {TEXT_LENGTH_MAX} characters")
    return SafeText(text)


def parse_datetime(value: object) -> datetime:
    """An RFC 3339 date-time; the offset must be there, digits below a microsecond are dropped."""
    if not isinstance(value, str) or _RFC_3339.fullmatch(value) is None:
        raise BadInput("DateTime is an RFC 3339 date-time such as 2026-11-22T10:00:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadInput("DateTime names no moment of the calendar") from error


def format_datetime(moment: datetime) -> str:
    """RFC 3339 in UTC, to the microsecond where there is one."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


SCALARS: Mapping[object, ScalarDefinition] = {
    Cents: strawberry.scalar(
        name="Cents",
        description="Whole minor units of a currency, 0 to 2^53-1: 1000 is USD 10.00 or JPY 1000. "
        "A float, a boolean or a string is refused.",
        serialize=int,
        parse_value=parse_cents,
    ),
    SignedCents: strawberry.scalar(
        name="SignedCents",
        description="Whole minor units of a currency that may be negative.",
        serialize=int,
        parse_value=parse_signed_cents,
    ),
    Currency: strawberry.scalar(
        name="Currency",
        description="An ISO 4217 alpha-3 code in upper case, of a currency that Tollgate takes.",
        serialize=str,
        parse_value=parse_currency,
    ),
    SafeText: strawberry.scalar(
        name="SafeText",
        description="Text of at most 500 characters, normalized to NFC, without control "
        "characters, characters of no width, marks that turn its direction, or lone surrogates.",
        serialize=str,
        parse_value=parse_safe_text,
    ),
    Json: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="An RFC 3339 date-time. Answers are always in UTC: 2026-11-22T10:00:00Z.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=format_datetime,
        parse_value=parse_datetime,
    ),
}
"""Python type to scalar, for the schema's configuration."""
