"""Card numbers, which Tollgate never wants: told by their shape, and kept out of messages."""

from __future__ import annotations

import re

_CANDIDATE = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")


def is_card_number(text: str) -> bool:
    """Whether the text is 13 to 19 digits (ISO/IEC 7812-1), spaces and dashes aside, that pass the
    Luhn check."""
    digits = text.translate({ord(" "): None, ord("-"): None})
    return digits.isascii() and digits.isdigit() and 13 <= len(digits) <= 19 and _luhn(digits)


def holds_card_number(text: str) -> bool:
    """Whether a card number stands anywhere in the text."""
    return any(is_card_number(run) for run in _CANDIDATE.findall(text))


def without_card_numbers(text: str) -> str:
    """The text with every run of digits as long as a card number blacked out."""
    return _CANDIDATE.sub("[digits removed]", text)


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    plain = [int(digit) for digit in digits[-1::-2]]
    return (sum(plain) + sum(value - 9 if value > 9 else value for value in doubled)) % 10 == 0
