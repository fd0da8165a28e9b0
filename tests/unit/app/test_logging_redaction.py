"""Log lines hold no secret, whether it came in a message, an argument or a trace."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logging import LineFormatter, redacted, set_up_logging
from app.settings import load_settings
from app.tokens import mint_token
from domain.caller import Role
from tests.unit.app.test_logging import record
from tests.unit.app.test_settings import DEVELOPMENT

TOKEN = mint_token(load_settings(DEVELOPMENT), tenant=None, roles=[Role.VIEWER])
SECRETS = [
    (f"Authorization: Bearer {TOKEN}", TOKEN),
    (f"claims of {TOKEN}.", TOKEN.split(".")[1]),
    ("bearer AbCdEf0123456789", "AbCdEf0123456789"),
    ("Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
    ("key sk_test_51HxCanary", "51HxCanary"),
    ("key sk_live_51HxCanary refused", "51HxCanary"),
    ("rk_live_51HxCanary", "51HxCanary"),
    ("'whsec_Canary+1'", "whsec_Canary"),
    ("pi_3Nabc_secret_Canary", "_secret_Canary"),
    ("seti_1abc_secret_Canary", "_secret_Canary"),
    ("card 4242424242424242", "4242424242424242"),
    ("card 4242 4242 4242 4242", "4242 4242"),
    ("postgresql://tollgate:hunter2@db/x", "hunter2"),
    ("redis://:hunter2@redis:6379/0", "hunter2"),
    ("to jane.o'doe+x@shop.example now", "jane"),
    ("DETAIL: Failing row contains (ord_1, jane@shop.example, 5).", "jane"),
    ("duplicate key\nDETAIL:  Key (reference)=(Canary 7) already exists.", "Canary"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_a_secret_does_not_reach_the_line(text: str, secret: str) -> None:
    """Message, argument and exception are blacked out alike."""
    try:
        raise ValueError(text)
    except ValueError as error:
        records = [record(text.replace("%", "%%")), record("%s", text), record("x", error=error)]
    for line in map(LineFormatter().format, records):
        assert secret not in line
        assert "redacted]" in line or "[digits removed]" in line


def test_what_led_to_an_exception_is_blacked_out_too() -> None:
    """The trace of a cause is part of the line, without its secret."""
    try:
        try:
            raise KeyError("whsec_Canary")
        except KeyError as cause:
            raise ValueError("outer") from cause
    except ValueError as error:
        line = LineFormatter().format(record("x", error=error))

    assert "KeyError" in line
    assert "Canary" not in line


@pytest.mark.parametrize(
    "text",
    [
        "request 0f3a4b failed at ['orders', 0, 'payments']",
        "event we_019ab2c3d4e5f6 of tenant ten_019ab2 was replayed",
        "operation op_01kb4242424242424242abc is UNKNOWN after 15 s",
        "GET https://api.stripe.com/v1/payment_intents/pi_3Nabc took 120 ms",
        "client_secret is not kept",
        "2026-11-23T10:56:45.123Z",
        "an idempotency key was reused; the bearer of the token",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """Ids, addresses and times are what a log is for."""
    assert redacted(text) == text


def test_the_domain_of_an_address_stays() -> None:
    """Which mail provider bounced may be told; whose mail it was may not."""
    assert redacted("to jane@shop.example") == "to [redacted]@shop.example"


@given(st.text(max_size=200))
def test_any_text_becomes_one_line(text: str) -> None:
    """Redaction and line breaks never fail, whatever is logged."""
    assert "\n" not in LineFormatter().format(record("%s", text))


@pytest.mark.parametrize(
    "part", ["a", "a.", "a@", "@", "eyJaaaaa.", "sk_", "_", "a_secret", "://a"]
)
def test_a_long_line_is_blacked_out_quickly(part: str) -> None:
    """A line of 64 kB made to slow it down takes a second at most: looked at from every character
    to its end, it would take twenty."""
    text = part * (64 * 1024 // len(part))
    start = time.process_time()
    redacted(text)

    assert time.process_time() - start < 1.0


@pytest.fixture
def _levels() -> Iterator[None]:
    """Puts back the loggers that a test sets up."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("_levels")
def test_libraries_print_no_bodies_at_any_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """With DEBUG asked for, the gateway's library and the database's stay at warnings."""
    heard = io.StringIO()
    monkeypatch.setattr("sys.stderr", heard)
    set_up_logging("DEBUG")
    for name in ("stripe", "sqlalchemy.engine", "sqlalchemy.pool", "aiohttp.client", "asyncpg"):
        logging.getLogger(name).info("a body")
        logging.getLogger(name).debug("a parameter")
    logging.getLogger("domain").debug("ours")

    assert "a body" not in heard.getvalue()
    assert "a parameter" not in heard.getvalue()
    assert "ours" in heard.getvalue()
