"""Card numbers by themselves in a text: found as cards print them, not in what looks alike."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.card_numbers import (
    shows_card_number,
    without_shown_card_numbers,
)
from domain.ids import Prefix, new_id

SECONDS_MAX = 1.0
"""A look that went over the text again at each place would take minutes; the rest is room for a
busy machine."""


def with_check_digit(digits: str) -> str:
    """The digits and the one that makes them pass the Luhn check (ISO/IEC 7812-1, annex B)."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[::-2])
    plain = (int(digit) for digit in digits[-2::-2])
    return f"{digits}{-(sum(doubled) + sum(plain)) % 10}"


PANS = st.builds(
    lambda first, rest: with_check_digit(first + rest),
    st.sampled_from(["22", "23", "34", "4", "5", "6", "81", "97"]),
    st.text("0123456789", min_size=12, max_size=16),
)
OLD_PANS = st.text("0123456789", min_size=11, max_size=11).map(
    lambda rest: with_check_digit("4" + rest)
)


@given(PANS | OLD_PANS, st.sampled_from(["", "card ", "card: ", "(", "x=", "\n"]))
@example("4242424242424242", "")
def test_a_card_number_is_found_wherever_it_stands(number: str, before: str) -> None:
    """13 to 19 digits that pass the check are found, whatever stands around them."""
    assert shows_card_number(f"{before}{number}")
    assert shows_card_number(f"{before}{number}, 12/29")
    assert number not in without_shown_card_numbers(f"{before}{number} {number}")


@pytest.mark.parametrize(
    "text",
    [
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "4242\u00a04242\u00a04242\u00a04242",
        "4242\u20134242\u20134242\u20134242",
        "4242  4242  4242  4242",
        "4242 - 4242 - 4242 - 4242",
        "3782 822463 10005",
        "3056 930902 5904",
        "4222 2222 2222 2",
        "6304 0000 0000 0000 000",
        "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
        "42 42 42 42 42 42 42 42",
        "４２４２４２４２４２４２４２４２",
        "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
        "4242 4242 4242 4242 123",
        "4242 4242 4242 4242 12 29 123",
        "order 7 4242 4242 4242 4242",
        "12-4242 4242 4242 4242",
        "4242\u200b4242\u200b4242\u200b4242",
        "\u2060".join("4242424242424242"),
        "4242.4242.4242.4242",
        "4242_4242_4242_4242",
        "x: 4242/4242/4242/4242.",
        "3782|822463|10005",
        "%B4242424242424242^DOE/JOHN^29121010000000000",
        ";4242424242424242=29121010000000000",
        "visa4242424242424242",
        "4242424242424242exp",
        "PAN378282246310005",
        "+4242424242424242",
    ],
)
def test_a_card_number_is_found_as_it_is_printed(text: str) -> None:
    """Spaces, dashes and other scripts' digits hide nothing, nor does what stands beside it."""
    assert shows_card_number(text)
    assert "4242 4242" not in without_shown_card_numbers(text)
    assert "4242424242424242" not in without_shown_card_numbers(text)


@given(st.sampled_from(list(Prefix)))
def test_an_id_of_ours_is_no_card_number(prefix: Prefix) -> None:
    """The digits in an id are never taken for a card's."""
    assert not shows_card_number(new_id(prefix))


@given(
    st.sampled_from(list(Prefix)),
    st.text("0123456789", min_size=12, max_size=18).map(with_check_digit),
    st.text("abcdefghjkmnpqrstvwxyz", min_size=1, max_size=13),
)
def test_digits_within_an_id_are_no_card_number(prefix: Prefix, digits: str, rest: str) -> None:
    """Even where a run in an id passes the check, the id is no card number."""
    assert not shows_card_number(f"{prefix.value}_{digits}{rest}")
    assert not shows_card_number(f"{prefix.value}_{rest}{digits}")
    assert not shows_card_number(f"see {prefix.value}_{digits}, please")


@given(st.uuids())
@example("42424242-4242-4242-8242-424242424242")
def test_a_uuid_is_no_card_number(key: object) -> None:
    """A key in UUID form is never taken for a card's number, whatever its digits."""
    assert not shows_card_number(str(key))


@given(st.integers(1_000_100_000, 1_990_000_000))
def test_a_moment_is_no_card_number(seconds: int) -> None:
    """RFC 3339, thousandths to billionths of seconds, compact dates and pairs of them all pass."""
    moment = datetime.fromtimestamp(seconds, UTC)
    for text in (
        moment.isoformat(),
        f"{moment:%Y-%m-%d %H:%M:%S}",
        f"{moment:%Y%m%d%H%M%S}",
        f"{moment:%Y%m%d%H%M%S}123",
        f"{moment:%Y-%m-%d} {moment:%Y-%m-%d}",
        f"{moment:%Y%m%d} {moment:%Y%m%d}",
        f"{moment:%Y%m%d}-{moment:%Y%m%d}",
        str(seconds),
        str(seconds * 1000 + 7),
        str(seconds * 1_000_000 + 7),
        str(seconds * 1_000_000_000 + 7),
    ):
        assert not shows_card_number(text), text


@pytest.mark.parametrize(
    "text",
    ["", "4242", "424242424242", "4242424242424243", "42424242424242424242", "a_4242424242424242"],
)
def test_other_digits_are_no_card_number(text: str) -> None:
    """Too few, too many, a wrong check digit, or a part of a word."""
    assert not shows_card_number(text)
    assert without_shown_card_numbers(text) == text


def with_article_digit(digits: str) -> str:
    """The twelve digits and the one that makes them an EAN-13."""
    weighed = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(digits))
    return digits + str(-weighed % 10)


@given(st.sampled_from("0123789"), st.text("0123456789", min_size=11, max_size=11))
def test_an_article_is_no_card_number(first: str, rest: str) -> None:
    """Article numbers and ISBNs pass, where no card of 13 digits begins like that."""
    assert not shows_card_number(with_article_digit(first + rest))


def test_an_article_that_may_be_a_card_is_refused_once_in_ten() -> None:
    """Of those that begin with 4 a tenth passes the Luhn check too, and may be an old card."""
    articles = [with_article_digit(f"4006381{number:05d}") for number in range(1_000)]

    assert 80 <= sum(map(shows_card_number, articles)) <= 120


@given(st.integers(0, 10**9))
def test_what_begins_with_a_date_is_no_card_number(counter: int) -> None:
    """A day and a running number, as orders are often called, passes with or without letters."""
    for reference in (
        f"20261122{counter:05d}",
        f"ORD20261122{counter:08d}",
        f"R-20261122{counter}",
    ):
        assert not shows_card_number(reference), reference


@given(st.text("0123456789", min_size=9, max_size=12))
def test_a_telephone_number_is_no_card_number(rest: str) -> None:
    """With its + in front, in one run or in groups."""
    assert not shows_card_number(f"call +49{rest}")
    assert not shows_card_number(f"+49 {rest[:4]} {rest[4:]}")


@pytest.mark.parametrize(
    "text",
    [
        "pi_3NkW4242424242424242aBcD",
        "ch_16charsOf4242424242424242",
        "cs_test_a14242424242424242x",
        "DE89370400440532013000",
        "sha256:4242424242424242abcdef0123456789abcdef0123456789abcdef0123456789",
        "42424242424242424242424242424242",
        "GB29NWBK60161331926819",
        "192.168.100.200",
        "2001:db8::4242:4242:4242:4242",
        "12,345,678,901,234.00",
        "v4242.4242.4242",
    ],
)
def test_ids_of_others_are_no_card_numbers(text: str) -> None:
    """Stripe's ids, IBANs, hashes, addresses and amounts as they are printed pass."""
    assert not shows_card_number(text)
    assert without_shown_card_numbers(text) == text


@pytest.mark.parametrize(
    "part",
    [
        "1 ",
        "1-",
        "4241 ",
        "12 345 ",
        "12 345-",
        "1234567890124 ",
        "1",
        " ",
        "1   ",
        "-",
        "4242.4242.",
        "a",
        "4\u200b",
        "a4111111111111112",
    ],
)
def test_looking_is_quick(part: str) -> None:
    """A text as long as a body may be is looked through once."""
    text = part * (64 * 1024 // len(part))
    start = time.process_time()
    shows_card_number(text)

    assert time.process_time() - start < SECONDS_MAX
