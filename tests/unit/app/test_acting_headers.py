"""The headers of an act, from a browser of another origin."""

from __future__ import annotations

from starlette.applications import Starlette

from app.admission import REASON_HEADER, TENANT_HEADER
from app.settings import load_settings
from tests.unit.app.asgi import answered
from tests.unit.app.test_settings import DEVELOPMENT
from tests.unit.app.watched import a_middleware

OFFICE = "https://office.example"


async def test_a_browser_may_send_both_headers() -> None:
    """The platform's back office is told that its page may name a tenant and a reason, and the
    caller's id."""
    settings = load_settings(DEVELOPMENT | {"TOLLGATE_CORS_ORIGINS": OFFICE})
    names = ("authorization", "content-type", TENANT_HEADER, REASON_HEADER, "x-request-id")
    asked = ", ".join(names).lower()
    answer = await answered(
        Starlette(middleware=a_middleware(settings)),
        method="OPTIONS",
        headers=[
            ("Origin", OFFICE),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", asked),
        ],
    )
    allowed = {
        name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")
    }

    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == OFFICE
    assert allowed >= {name.lower() for name in names}
