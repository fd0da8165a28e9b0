"""What stands between the socket and the routes, outermost first."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from app.admission import REASON_HEADER, TENANT_HEADER
from app.beat import RequestTally
from app.headers import SecurityHeaders
from app.proxies import Proxies
from app.request_id import HEADER, RequestIds
from app.request_metrics import RequestMeasures
from app.request_watch import RequestWatch
from app.settings import Settings
from app.tracing import Tracing

PREFLIGHT_SECONDS = 7200
"""How long a browser may keep what a preflight said; Chromium keeps it no longer."""

_ASKED = ("Authorization", "Content-Type", TENANT_HEADER, REASON_HEADER, HEADER)
_SHOWN = (HEADER, "Retry-After")


def middleware(
    settings: Settings, measures: RequestMeasures, tally: RequestTally, tracing: Tracing
) -> list[Middleware]:
    """Headers and ids go onto every answer, also where a proxy's word has it refused."""
    return [
        Middleware(RequestWatch, measures=measures, tally=tally, tracing=tracing),
        Middleware(SecurityHeaders, hsts_seconds=settings.hsts_seconds),
        Middleware(RequestIds),
        Middleware(
            Proxies,
            trusted=settings.trusted_proxies,
            https_url=https_url(settings) if settings.is_production else None,
        ),
        *([_cors(settings)] if settings.cors_origins else ()),
    ]


def https_url(settings: Settings) -> str:
    """The public address as it is over https."""
    return urlsplit(settings.public_url)._replace(scheme="https").geturl()


def _cors(settings: Settings) -> Middleware:
    """Pages of the named origins may call, with a token that they hold; cookies do not count."""
    return Middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=("GET", "POST"),
        allow_headers=_ASKED,
        allow_credentials=False,
        expose_headers=_SHOWN,
        max_age=PREFLIGHT_SECONDS,
    )
