"""Logging: one line an event, to standard error, with every secret blacked out."""

import logging
import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import structlog
from structlog.typing import EventDict

from domain.bound import facts
from domain.card_numbers import without_shown_card_numbers
from domain.free_text import CLIENT_SECRET, EMAIL, GATEWAY_SECRET, TOKEN

_LIBRARIES = (
    *("aiohttp", "alembic.runtime.plugins", "arq", "asyncio", "asyncpg", "graphql", "hpack"),
    *("sqlalchemy", "strawberry", "stripe", "uvicorn.access"),
)
"""Loggers that say more than a line an event, say it twice, or print bodies and parameters at a
lower level."""

_SECRETS: Sequence[tuple[tuple[str, ...], re.Pattern[str], str]] = (
    (
        ("bearer", "basic"),
        re.compile(r"(?i)\b(bearer|basic)[ \t]+[\w.~+/=-]{8,}"),
        r"\1 [redacted]",
    ),
    (("eyj",), TOKEN, "[token redacted]"),
    (("sk_", "rk_", "whsec_"), GATEWAY_SECRET, r"\1_[redacted]"),
    (("_secret_",), CLIENT_SECRET, r"\1_[redacted]"),
    (("detail:",), re.compile(r"(\bDETAIL:)[^\n]*"), r"\1 [redacted]"),
    (("://",), re.compile(r"(://)[^/\s@'\"]{1,512}@"), r"\1[redacted]@"),
    (("@",), EMAIL, r"[redacted]\1"),
)
"""Bearer tokens, JSON Web Tokens, the gateway's keys, webhook secrets and client secrets, values
that PostgreSQL quotes in its errors, passwords in URLs, and the local part of e-mail addresses,
with what stands in their place. Before each stands what a text must hold in small letters for the
pattern to find anything: most lines hold none of it, and looking for that costs next to nothing."""


def redacted(text: str) -> str:
    """The text without secrets, card numbers and the names in e-mail addresses."""
    small = text.lower()
    for hints, pattern, replacement in _SECRETS:
        if any(hint in small for hint in hints):
            text = pattern.sub(replacement, text)
    return without_shown_card_numbers(text)


class LineFormatter(logging.Formatter):
    """For a terminal: time in UTC, level, logger, message, what is bound; controls become visible,
    so one event is one line, and no terminal or viewer takes an order from it.

    Secrets are blacked out here, where message, arguments and trace have become one text: a filter
    would see them before.
    """

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The one line of this record, its exception included."""
        about = " ".join(f"{name}={redacted(fact)}" for name, fact in facts().items())
        line = super().format(record) + (f" [{about}]" if about else "")
        return _CONTROLS.sub(_visible, redacted(line))


class JsonFormatter(logging.Formatter):
    """For whoever collects logs: one JSON object a line with `time`, `level`, `logger`, `event`,
    what is bound, and the trace of an exception. Secrets are blacked out of every value.

    structlog's own formatter copies each record first, which costs as much as all of this.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The one line of this record, its exception included."""
        made = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        event: EventDict = {
            "time": made.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **facts(),
        }
        if record.exc_info:
            event["exc_info"] = record.exc_info
            event = structlog.processors.format_exc_info(None, "", event)
        return str(_RENDER(None, "", _clean(event)))


_RENDER = structlog.processors.JSONRenderer(ensure_ascii=True)


def _clean(event: EventDict) -> EventDict:
    """Secrets are looked for in all values at once, which costs a third of looking in each. Line
    breaks stay in a value, where JSON has its own sign for them."""
    names = [name for name, value in event.items() if name not in _OWN and isinstance(value, str)]
    values = [_CONTROLS_IN_JSON.sub(_visible, event[name]) for name in names]
    # No value holds the separator any more, and no secret reaches across it.
    cleaned = redacted(_BETWEEN.join(values)).split(_BETWEEN)
    if len(cleaned) != len(values):
        cleaned = [redacted(value) for value in values]
    return {**event, **dict(zip(names, cleaned, strict=True))}


_OWN = frozenset({"time", "level", "logger"})
"""What callers have no part in."""

_BETWEEN = "\n\x1e\n"

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_CONTROLS_IN_JSON = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)


def _visible(control: re.Match[str]) -> str:
    return control[0].encode("unicode_escape").decode("ascii")


LogFormat = Literal["auto", "json", "console"]


def set_up_logging(level: str, log_format: LogFormat = "auto") -> None:
    """Send everything of this level and above to standard error, as lines: as JSON, or readable;
    by itself readable where standard error is a terminal. The libraries stay at WARNING whatever
    the level."""
    is_readable = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter() if is_readable else JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
