"""Card numbers, which Tollgate never wants: told by their shape, and kept out of messages.

A card number is 13 to 19 digits (ISO/IEC 7812-1) that pass the Luhn check, in one run or in groups
as cards print them, and standing by itself: digits within a longer word are part of an id, unless
only letters are joined to a number of the great card brands, as in track 1 of a card's stripe.

One number in ten passes the check by chance. What no issuer numbers its cards like is let through:
moments, numbers that begin with a date, telephone numbers with their +, and the article numbers
and ISBNs that cannot be an old card of 13 digits. An article number that begins with 4, 5 or 6 can
be one, and is refused when it passes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

_CANDIDATE = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")

_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212"
_GROUP = re.compile(r"(?<![A-Za-z0-9_])\d{1,19}(?![A-Za-z0-9_])")
_UNSEEN = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_BETWEEN = re.compile(rf"[\s{_UNSEEN}]{{1,3}}|\s?[{_DASHES}]\s?")
"""What may stand between two groups of one number."""

_SHAPES = frozenset({(4, 6, 5), (4, 6, 4), (4, 4, 5), (4, 4, 7), (6, 13), (6, 7)})
"""How cards of 13 to 19 digits are printed besides groups of one length."""

_GROUP_LENGTH_MAX = 5
"""Longer groups of one length are dates and times beside one another: 20261122 20261123."""

_MOMENT = re.compile(
    r"1\d{12}|1\d{15}|1\d{18}|(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{5,}"
)
"""Moments written as digits, thousandths, millionths and billionths of seconds since 1970 until
2033, and whatever begins with YYYYMMDD. No issuer numbers its cards so (ISO/IEC 7812-1: numbers
that begin with 1 are an airline's, of 15 digits; none begins with 19 or 20)."""

_ARTICLE_DIGITS = 13
_CARDS_OF_13 = ("4", "5", "6")
"""What cards of 13 digits begin with: Visa's of old, Maestro's."""

_DOUBLED = str.maketrans("0123456789", "0246813579")
"""A digit twice, and the digits of that added up (ISO/IEC 7812-1, annex B)."""

_TELEPHONE_DIGITS_MAX = 15
"""ITU-T E.164."""

_JOINED = re.compile(r"(?<![A-Za-z0-9_])[A-Za-z]{0,20}(\d{15,16})[A-Za-z]{0,20}(?![A-Za-z0-9_])")
_BRAND = re.compile(r"4\d{15}|5[1-5]\d{14}|3[47]\d{13}|35\d{14}|6(011|4[4-9]\d|5\d\d|2\d\d)\d{12}")
_SPLIT = re.compile(
    r"(?<![A-Za-z0-9])(\d{4}([._/|*])(\d{4}\2\d{4}\2\d{4}|\d{6}\2\d{5}))(?![A-Za-z0-9])"
)
"""Groups with something else than a space or a dash between them, as a program joins them."""

_DIGITS_MIN, _DIGITS_MAX = 13, 19
_RUN_MAX = 200
"""Groups looked at together; longer runs are looked at in pieces that overlap by a number."""

_ENOUGH = re.compile(r"\d(?:\D{0,3}\d){12}")
"""Thirteen digits near one another: most texts have none, and are done with."""

CANDIDATES_MAX = 100
"""Numbers of a card's length that one text may hold and be believed that none is a card's: more
only cost time, so that from there on each counts as one."""

_Group = re.Match[str]


def holds_card_number(text: str) -> bool:
    """Whether a card number stands anywhere in the text, also as a part of a longer word."""
    runs = (re.sub(r"\D", "", run) for run in _CANDIDATE.findall(text))
    return any(_reads_as_card(run) for run in runs)


def shows_card_number(text: str) -> bool:
    """Whether a card number stands by itself in the text. Ids, dates and moments do not count."""
    return any(True for _ in _shown(text))


def without_card_numbers(text: str) -> str:
    """The text with every run of digits as long as a card number blacked out."""
    return _CANDIDATE.sub("[digits removed]", text)


def without_shown_card_numbers(text: str) -> str:
    """The text with every card number that stands by itself blacked out."""
    kept, at = [], 0
    for start, end in sorted(_shown(text)):
        kept += [text[at:start], "[digits removed]"] if start >= at else []
        at = max(at, end)
    return "".join([*kept, text[at:]])


def _shown(text: str) -> Iterator[tuple[int, int]]:
    """Where card numbers stand by themselves."""
    if len(text) < _DIGITS_MIN or _ENOUGH.search(text) is None:
        return
    if text.isdecimal() and not _luhn(text):  # nor does any that is nothing but a longer id
        return
    yield from _printed(text)
    for joined in _JOINED.finditer(text):
        if _BRAND.fullmatch(joined[1]) and _luhn(_plain(joined[1])):
            yield joined.span(1)
    for split in _SPLIT.finditer(text):
        if _luhn(_plain(re.sub(r"\D", "", split[1]))):
            yield split.span(1)


def _printed(text: str) -> Iterator[tuple[int, int]]:
    """Those in one run, or in groups as cards print them, from left to right."""
    looked_at = 0
    for run in _runs(text):
        first = 0
        while first < len(run):
            step = 1
            for size in _sizes(run, first):
                looked_at += 1
                groups = run[first : first + size]
                if looked_at > CANDIDATES_MAX or _is_card(groups):
                    yield groups[0].start(), groups[-1].end()
                    step = size
                    break
            first += step


def _runs(text: str) -> Iterator[Sequence[_Group]]:
    """Groups of digits with one and the same space or dash between them."""
    run: list[_Group] = []
    before = ""
    for group in _GROUP.finditer(text):
        between = text[run[-1].end() : group.start()] if run else ""
        if run and (len(between) > 3 or not _BETWEEN.fullmatch(between)):
            yield run
            run = []
        elif len(run) > 1 and between != before:
            yield run
            run = run[-1:]
        elif len(run) == _RUN_MAX:
            yield run
            run = run[-_DIGITS_MAX:]
        run.append(group)
        before = between
    yield run


def _sizes(run: Sequence[_Group], first: int) -> Iterator[int]:
    """How many groups from the first on may be one card, the fewest first."""
    lengths: tuple[int, ...] = ()
    for group in run[first : first + _DIGITS_MAX]:
        lengths += (len(group[0]),)
        even = len(set(lengths[:-1])) <= 1
        if sum(lengths) > _DIGITS_MAX or (len(lengths) > 3 and not even):
            return
        if sum(lengths) >= _DIGITS_MIN and (
            len(lengths) == 1
            or lengths in _SHAPES
            or (even and lengths[-1] <= lengths[0] <= _GROUP_LENGTH_MAX)
        ):
            yield len(lengths)


def _is_card(groups: Sequence[_Group]) -> bool:
    digits = _plain("".join(group[0] for group in groups))
    first = groups[0]
    is_called = (
        len(digits) <= _TELEPHONE_DIGITS_MAX
        and first.string[first.start() - 1 : first.start()] == "+"
    )
    return not is_called and _reads_as_card(digits)


def _reads_as_card(digits: str) -> bool:
    return _MOMENT.fullmatch(digits) is None and not _is_article(digits) and _luhn(digits)


def _plain(digits: str) -> str:
    """The digits of any script as 0 to 9."""
    if digits.isascii():
        return digits
    return "".join(str(unicodedata.decimal(digit)) for digit in digits)


def _is_article(digits: str) -> bool:
    """Whether it is an article's number or an ISBN (GS1, EAN-13) and cannot be a card's."""
    if len(digits) != _ARTICLE_DIGITS or digits.startswith(_CARDS_OF_13):
        return False
    return (sum(map(int, digits[::2])) + 3 * sum(map(int, digits[1::2]))) % 10 == 0


def _luhn(digits: str) -> bool:
    digits = _plain(digits)
    doubled = digits[-2::-2].translate(_DOUBLED)
    return (sum(map(int, digits[::-2])) + sum(map(int, doubled))) % 10 == 0
