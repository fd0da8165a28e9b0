"""Text from outside: what may be in it, and the one form in which equal texts are equal."""

from __future__ import annotations

import re
import unicodedata

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029"  # controls and line separators: one text is one line
    "\ud800-\udfff"  # half of a surrogate pair is no character
    "\u00ad\u200b\u2060-\u2064\ufeff"  # unseen: two texts would look the same
    "\u202a-\u202e\u2066-\u2069]"  # what turns the text around them (Unicode TR 36, 2.1.2)
)


def is_safe(text: str) -> bool:
    """Whether the text has neither control characters and line separators (C0, C1, U+2028, U+2029)
    nor lone surrogates, characters of no width, or marks that turn its direction around.

    The joiners that emoji and many scripts need, U+200C and U+200D, are let through.
    """
    return _UNSAFE.search(text) is None


def composed(text: str) -> str:
    """The text in Unicode normalization form C (UAX 15)."""
    return unicodedata.normalize("NFC", text)
