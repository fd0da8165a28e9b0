"""Reports of errors by Sentry's library. Loaded only where the settings name a DSN.

Of its integrations the one with the log alone is on: what is an error there is reported, and
nothing of a request, of a local variable or of the process is.
"""

from __future__ import annotations

import logging

import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.types import Event, Hint

from app.logging import redacted
from app.settings import Settings
from app.version import VERSION
from domain.bound import facts

FLUSH_SECONDS = 2.0
"""How long the end of a process waits for reports that were not sent yet."""

_KEPT = frozenset({"contexts", "environment", "event_id", "exception", "level", "logentry"}) | {
    *("logger", "platform", "release", "sdk", "timestamp"),
}
"""Parts of a report that are sent; any other may hold what was nobody's to send."""


def report_errors(settings: Settings) -> None:
    """Reports from now on. The DSN of the settings must be there."""
    dsn = settings.sentry_dsn
    sentry_sdk.init(
        None if dsn is None else dsn.get_secret_value(),
        environment=settings.environment,
        release=f"tollgate@{VERSION}",
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration(level=None, event_level=logging.ERROR)],
        before_send=scrubbed,
        before_breadcrumb=_no_breadcrumb,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        auto_session_tracking=False,
        server_name="",
    )


def stop_reporting() -> None:
    """Sends what waits, for FLUSH_SECONDS at most, and reports no more."""
    sentry_sdk.flush(FLUSH_SECONDS)
    sentry_sdk.get_client().close(0)
    sentry_sdk.get_global_scope().set_client(None)


def scrubbed(event: Event, hint: Hint) -> Event:
    """The report without secrets, by the rules of the log, and with what the line was about."""
    kept = {name: _scrubbed(part) for name, part in event.items() if name in _KEPT}
    line = kept.get("logentry")
    if isinstance(line, dict):
        line.pop("params", None)
    tags = {name: redacted(fact) for name, fact in facts().items()}
    return {**kept, "tags": tags}  # type: ignore[typeddict-item]  # its parts are as they were


def _no_breadcrumb(crumb: object, hint: object) -> None:
    """What went before is in the log."""


def _scrubbed(value: object) -> object:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {name: _scrubbed(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_scrubbed(part) for part in value]
    return value
