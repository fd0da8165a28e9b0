"""Log lines: their form, and that one event stays one line."""

import logging
import re

from app.logging import LineFormatter


def record(
    message: str, *arguments: object, error: BaseException | None = None
) -> logging.LogRecord:
    """A log record as a logger makes it."""
    trace = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("domain.pay", logging.WARNING, __file__, 1, message, arguments, trace)


def test_a_line_has_time_level_logger_and_message() -> None:
    """A line begins with the time in UTC to the millisecond, then says who says what."""
    line = LineFormatter().format(record("took %s ms", 12))
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING domain\.pay: took 12 ms", line
    )


def test_a_line_stays_one_line() -> None:
    """Line breaks in a message, as an attacker would send, and in a trace become visible."""
    line = LineFormatter().format(record("a\r\nb", error=ValueError("c\nd")))
    assert len(line.splitlines()) == 1
    assert "a\\r\\nb" in line
    assert "ValueError: c\\nd" in line


def test_no_character_gives_an_order() -> None:
    """Escapes of a terminal, other line separators and marks that turn the text become visible."""
    line = LineFormatter().format(record("a\x1b[2Jb\u2028c\x85d\u202ee\0"))
    assert len(line.splitlines()) == 1
    assert line.endswith("a\\x1b[2Jb\\u2028c\\x85d\\u202ee\\x00")
