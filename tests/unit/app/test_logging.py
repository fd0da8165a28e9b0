"""Log lines: their form, and that one event stays one line."""

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.logging import JsonFormatter, LineFormatter, redacted, set_up_logging
from domain.bound import bind, bound, facts


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


def test_a_line_says_what_it_is_about() -> None:
    """What is bound stands behind it; secrets in it are blacked out too."""
    with bound(payment_id="pay_1", actor="ann@example.com", tenant_id=None):
        line = LineFormatter().format(record("done"))
    assert line.endswith("done [payment_id=pay_1 actor=[redacted]@example.com]")
    assert LineFormatter().format(record("done")).endswith("done")


def test_json_has_the_same() -> None:
    """One object a line, with time, level, logger, event and what is bound."""
    with bound(request_id="r1"):
        line = JsonFormatter().format(record("took %s ms", 12))
    told = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told.pop("time"))
    assert told == {
        "level": "WARNING",
        "logger": "domain.pay",
        "event": "took 12 ms",
        "request_id": "r1",
    }


def test_json_shows_no_secret() -> None:
    """Neither in the message, nor in what is bound, nor in a trace."""
    secret = "sk_live_hunter2hunter2"
    with bound(actor=secret):
        error = ValueError(f"{secret}\nDETAIL: Failing row contains (pat@example.com)")
        line = JsonFormatter().format(record("4242 4242 4242 4242 %s", secret, error=error))
    assert "hunter2" not in line
    assert "4242 4242" not in line
    assert "Failing row" not in line
    assert "ValueError" in json.loads(line)["exception"]


def test_json_stays_one_line_and_gives_no_order() -> None:
    """Controls are text, and the line is JSON whatever comes."""
    line = JsonFormatter().format(record("a\r\nb\x1b[2J\u2028\x7f\u202e\0"))
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line
    assert json.loads(line)["event"] == "a\\r\nb\\x1b[2J\\u2028\\x7f\\u202e\\x00"


def test_bound_facts_end_with_their_block() -> None:
    """Also those that were bound inside it, and those of a task that it started."""
    with bound(request_id="r1"):
        bind(tenant_id="ten_1")
        with bound(payment_id="pay_1"):
            assert facts() == {"request_id": "r1", "tenant_id": "ten_1", "payment_id": "pay_1"}
        assert facts() == {"request_id": "r1", "tenant_id": "ten_1"}
    assert facts() == {}


async def test_tasks_do_not_mix_their_facts() -> None:
    """A hundred at once, each with its own."""

    async def one(number: int) -> bool:
        with bound(request_id=str(number)):
            await asyncio.sleep(0)
            bind(tenant_id=f"ten_{number}")
            await asyncio.sleep(0)
            return facts() == {"request_id": str(number), "tenant_id": f"ten_{number}"}

    assert all(await asyncio.gather(*(one(number) for number in range(100))))


class Terminal(io.StringIO):
    """Where a person reads."""

    def isatty(self) -> bool:
        return True


@contextmanager
def logging_to(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Standard error is this, and logging is as it was afterwards."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    monkeypatch.setattr(sys, "stderr", stream)
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers


@pytest.mark.parametrize(
    ("stream", "log_format", "is_json"),
    [
        (io.StringIO(), "auto", True),
        (Terminal(), "auto", False),
        (Terminal(), "json", True),
        (io.StringIO(), "console", False),
    ],
)
def test_a_terminal_gets_what_a_person_reads(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, log_format: str, *, is_json: bool
) -> None:
    """And a file what a collector reads, unless the settings say otherwise."""
    with logging_to(stream, monkeypatch):
        set_up_logging("INFO", log_format)  # type: ignore[arg-type]
        logging.getLogger("app").info("hello")
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("{") == is_json


@pytest.mark.parametrize(
    "secret",
    [
        "Bearer abcdefghij",
        "BASIC dXNlcjpwYXNzd29yZA==",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "rk_test_hunter2hunter2",
        "sk_live_hunter2hunter2",
        "whsec_hunter2hunter2",
        "pi_123_secret_hunter2",
        "DETAIL: Failing row contains (1, 2).",
        "postgresql://user:hunter2@db.internal/x",
        "pat.o'neil@example.com",
        "4242 4242 4242 4242",
    ],
)
def test_no_hint_lets_a_secret_through(secret: str) -> None:
    """What is looked for first never hides what is looked for then."""
    for text in (secret, f"a {secret}", f"{'x ' * 500}{secret} y"):
        assert secret not in redacted(text)
        assert secret not in JsonFormatter().format(record("%s", text))
