"""Turns on what leaves the process for those who watch it, and says so."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from urllib.parse import urlsplit

from app.settings import Settings, SettingsError
from app.tracing import Tracing, Untraced
from domain.signs import ProcessKind

_log = logging.getLogger(__name__)


@contextmanager
def telemetry(settings: Settings, kind: ProcessKind) -> Iterator[Tracing]:
    """Within it errors are reported and spans sent, as far as the settings say; all of it is off by
    default. Raises SettingsError where an extra is needed that is not installed."""
    tracing = _tracing(settings, kind)
    reports = None
    if settings.sentry_dsn is not None:
        reports = _extra("app.error_reports", "sentry", "TOLLGATE_SENTRY_DSN")
        reports.report_errors(settings)
    _log.info("telemetry: %s", described(settings))
    try:
        yield tracing
    finally:
        tracing.close()
        if reports is not None:
            reports.stop_reporting()


def described(settings: Settings) -> str:
    """What is on, by hosts, without a secret."""
    dsn, port = settings.sentry_dsn, settings.metrics_port
    traces = _host(settings.traces_go_to)
    if settings.new_relic_license_key is not None:
        traces += " (New Relic)"
    if settings.traces_go_to is not None:
        traces += f", {settings.traces_ratio:.0%} of them"
    return (
        f"metrics {'off' if port is None else f'on port {port}'}; traces {traces}; "
        f"error reports {_host(None if dsn is None else dsn.get_secret_value())}"
    )


def _tracing(settings: Settings, kind: ProcessKind) -> Tracing:
    if settings.traces_go_to is None:
        return Untraced()
    setting = "TOLLGATE_TRACES_URL" if settings.traces_url else "TOLLGATE_NEW_RELIC_LICENSE_KEY"
    spans = _extra("app.spans", "tracing", setting)
    made: Tracing = spans.tracing_of(settings, f"tollgate-{kind.value.lower()}")
    return made


def _extra(module: str, extra: str, setting: str) -> ModuleType:
    """A module that only an extra makes work, loaded where it is wanted."""
    try:
        return import_module(module)
    except ModuleNotFoundError as missing:
        fault = f"needs the extra: pip install 'tollgate[{extra}]' ({missing.name} is missing)"
        raise SettingsError({setting: fault}) from missing


def _host(url: str | None) -> str:
    if url is None:
        return "off"
    return f"to {urlsplit(url).hostname}"
