"""Whether a JSON document may show a card number, told from its bytes in one pass.

Reading each of its texts costs more than all else that is done with an event. Nearly every document
has no text in which the digits of a card stand near one another, and this says so.
"""

from __future__ import annotations

import re

from domain.card_numbers import shows_card_number

_DIGITS_MIN = 13
_KINDS = bytearray(b"x" * 256)
for _byte in b"0123456789":
    _KINDS[_byte] = ord("0")
for _byte in range(0x80, 0x100):
    _KINDS[_byte] = ord("0")  # a digit of another script, a dash, a space: each has two of them
for _byte in b" \t\n\v\f\r\x1c\x1d\x1e\x1f-":
    _KINDS[_byte] = ord(" ")
for _byte in b"._/|*":
    _KINDS[_byte] = ord(".")
_TABLE = bytes(_KINDS)
_RUN = re.compile(rb"0[0 .]{12,}")
_LONG = re.compile(rb"[0-9]{19}")


def is_plain(document: bytes) -> bool:
    """True only if no text in the JSON document, which is UTF-8, shows a card number in the sense
    of `card_numbers.shows_card_number`; there is no escape in it, and no number of more than 18
    digits, which not every reader of JSON keeps.

    What stands between two quotes is a text, or lies between two, where there are no escapes: a
    document with any is not looked at. A card number is digits with spaces, dashes or points
    between them, so that it lies within one run of such bytes. Only a text with a run of enough
    digits is read.
    """
    if b"\\" in document:
        return False
    seen = 0
    for run in _RUN.finditer(document.translate(_TABLE)):
        start = run.start()
        if start < seen or run[0].count(b"0") < _DIGITS_MIN:
            continue
        seen = document.find(b'"', start)
        seen = len(document) if seen < 0 else seen
        text = document[document.rfind(b'"', 0, start) + 1 : seen]
        if _LONG.search(text) or shows_card_number(text.decode("utf-8")):
            return False
    return True
