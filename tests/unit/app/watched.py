"""The middleware as the API has it, counted for nobody."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware

from app.beat import RequestTally
from app.middleware import middleware
from app.request_metrics import RequestMeasures
from app.settings import Settings
from app.tracing import Untraced


def a_middleware(settings: Settings) -> list[Middleware]:
    """Outermost first."""
    return middleware(settings, RequestMeasures(CollectorRegistry()), RequestTally(), Untraced())
