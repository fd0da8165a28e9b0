"""Two thousand requests of the proof `fuzz`, against the whole API."""

from __future__ import annotations

import logging

from app.asgi import create_app
from app.settings import load_settings
from tests.fuzz.attempts import Attempt
from tests.fuzz.judging import Errors, Reply, faults
from tests.fuzz.running import run
from tests.fuzz.world import world
from tests.unit.app.test_settings import DEVELOPMENT

COUNT = 2_000


async def test_no_request_is_a_fault_of_ours(
    database_url: str, redis_url: str, sandbox_url: str
) -> None:
    """Random and mutated requests have no 5xx, no trace, no card number in the answer, and cause no
    error in the log; enough of them are executed for that to mean something."""
    settings = load_settings(
        DEVELOPMENT
        | {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "STRIPE_API_BASE": sandbox_url,
            "TOLLGATE_GRAPHIQL": "false",
            "TOLLGATE_TRUSTED_PROXIES": "127.0.0.0/8, 198.51.100.0/24",
        }
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        outcome = await run(app, await world(app, settings), 0, range(COUNT))

    assert outcome.faults == []
    assert outcome.count == COUNT
    assert outcome.answered > 0.1


def test_what_is_a_fault_is_told() -> None:
    """Each kind of fault is seen, and a good answer has none."""
    made = Attempt("typed", b"{}")

    def told(status: int, body: bytes, media_type: str = "application/json") -> list[str]:
        return list(faults(made, Reply(status, media_type, body)))

    assert told(200, b'{"data": {"amountCents":4242424242424242}}') == []
    assert told(500, b"{}") == ["status 500"]
    assert told(0, b"")[0] == "status 0"
    assert told(400, b"Bad Request", "text/plain") == ["no JSON: text/plain"]
    assert told(200, b'{"a": "4242424242424242"}') == ["repeats a card number"]
    assert told(400, b'{"a": "x.py"}')[0].startswith("shows what is inside")
    fault = b'{"errors": [{"extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}'
    assert told(200, fault) == ["a masked fault"]


def test_an_error_in_the_log_is_told() -> None:
    """A line of level ERROR counts, one of level WARNING does not."""
    errors = Errors()
    logger = logging.getLogger("fuzzed")
    logger.addHandler(errors)
    try:
        logger.warning("no matter")
        logger.error("a fault")
    finally:
        logger.removeHandler(errors)

    assert [line.strip() for line in errors.taken()] == ["fuzzed: a fault"]
