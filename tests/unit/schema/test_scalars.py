"""Scalars: what they let in, and what they refuse."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.currency import EXPONENTS
from schema.codes import BadInput
from schema.scalars import (
    CENTS_MAX,
    TEXT_LENGTH_MAX,
    format_datetime,
    parse_cents,
    parse_currency,
    parse_datetime,
    parse_safe_text,
    parse_signed_cents,
)


@given(st.integers(0, CENTS_MAX))
def test_cents_are_whole_minor_units(amount: int) -> None:
    """Every integer from 0 to 2^53-1 is let in as it is."""
    assert parse_cents(amount) == amount


@pytest.mark.parametrize(
    "value", [1.0, 0.5, True, False, "1", "", None, -1, CENTS_MAX + 1, [1], {"a": 1}, 10**30]
)
def test_cents_refuse_everything_else(value: object) -> None:
    """A float is refused even where it is whole, and so are booleans, text and what is too big."""
    with pytest.raises(BadInput):
        parse_cents(value)


@given(st.integers(-CENTS_MAX, CENTS_MAX))
def test_signed_cents_may_be_negative(amount: int) -> None:
    """SignedCents take both signs."""
    assert parse_signed_cents(amount) == amount


@pytest.mark.parametrize("value", [1.0, True, "1", None, -CENTS_MAX - 1, CENTS_MAX + 1])
def test_signed_cents_refuse_what_is_no_whole_number(value: object) -> None:
    """SignedCents refuse floats, booleans, text and what no JSON reader keeps exact."""
    with pytest.raises(BadInput):
        parse_signed_cents(value)


@pytest.mark.parametrize("code", sorted(EXPONENTS))
def test_every_currency_of_the_table_is_let_in(code: str) -> None:
    """The scalar and the table agree."""
    assert parse_currency(code) == code


@pytest.mark.parametrize("value", ["usd", "XXX", "US", "", "USDD", " USD", 840, None, True])
def test_other_currencies_are_refused(value: object) -> None:
    """Lower case, unknown codes and numbers are no currency."""
    with pytest.raises(BadInput):
        parse_currency(value)


@given(st.text())
def test_safe_text_is_normalized_or_refused(text: str) -> None:
    """What comes out is NFC, printable to PostgreSQL and no longer than the cap."""
    try:
        safe = parse_safe_text(text)
    except BadInput:
        return
    assert unicodedata.is_normalized("NFC", safe)
    assert len(safe) <= TEXT_LENGTH_MAX
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in safe)
    assert safe.encode().decode() == safe


def test_safe_text_composes_what_it_can() -> None:
    """e and a combining accent become one character, so that equal texts are equal keys."""
    assert parse_safe_text("cafe\u0301") == "caf\u00e9"


@pytest.mark.parametrize(
    "text",
    [
        *("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u0645\u06cc\u200c\u062e", "\U0001f4b3"),
        *("%", "_", "{{7*7}}", "' OR 1=1 --", "=cmd()", "a" * 500),
    ],
)
def test_odd_text_is_kept_as_it_is(text: str) -> None:
    """Emoji, joiners that a script needs, and what is code somewhere else are text here."""
    assert parse_safe_text(text) == text


@pytest.mark.parametrize(
    "value",
    [
        *("a\0b", "a\nb", "\x7f", "\x85", "\ud800", "a" * 501, 5, None, True, ["a"]),
        *("\u202eb", "\u2066b", "a\u200bb", "\ufeffa", "a\u2028b", "a\u00adb"),
    ],
)
def test_unsafe_text_is_refused(value: object) -> None:
    """Control characters, lone surrogates, long texts and other types are refused."""
    with pytest.raises(BadInput):
        parse_safe_text(value)


def test_text_that_grows_beyond_the_cap_is_refused() -> None:
    """The cap holds for the normalized text: U+FB2C is one character and becomes three."""
    with pytest.raises(BadInput):
        parse_safe_text("\ufb2c" * 200)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T10:00:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22t12:00:00.5+02:00", datetime(2026, 11, 22, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-22T10:00:00.123456789Z", datetime(2026, 11, 22, 10, 0, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_rfc_3339_is_read_as_utc(text: str, expected: datetime) -> None:
    """Offsets are taken into account, and digits below a microsecond dropped."""
    assert parse_datetime(text) == expected


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-22",
        "2026-11-22T10:00:00",
        "2026-11-22 10:00:00Z",
        "20261122T100000Z",
        "2026-W47-7T10:00:00Z",
        "2026-02-30T10:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "٢٠٢٦-11-22T10:00:00Z",
        1_700_000_000,
        None,
    ],
)
def test_other_dates_are_refused(value: object) -> None:
    """No offset, another form of ISO 8601, or no moment of the calendar: refused."""
    with pytest.raises(BadInput):
        parse_datetime(value)


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=2)))))
def test_a_date_time_comes_back_as_it_went(moment: datetime) -> None:
    """What is printed is read as the same moment."""
    if moment.year in {1, 9999}:
        return
    text = format_datetime(moment)

    assert text.endswith("Z")
    assert parse_datetime(text) == moment
