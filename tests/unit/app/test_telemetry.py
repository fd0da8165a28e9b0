"""What leaves a process for those who watch it: nothing unless it is asked for, no secret ever."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from app.settings import Settings, SettingsError, load_settings
from app.spans import EXPORT_SECONDS, tracing_of
from app.telemetry import described, telemetry
from app.tracing import Untraced
from domain.bound import bound
from domain.errors import GatewayDeclined, GatewayUnknown
from domain.ids import Prefix, new_id
from domain.signs import ProcessKind
from tests.telemetry import Received, receiver
from tests.unit.app.test_settings import DEVELOPMENT, PRODUCTION

OFF = {
    name: value
    for name, value in DEVELOPMENT.items()
    if not name.startswith(("TOLLGATE_TRACES", "TOLLGATE_NEW_RELIC", "TOLLGATE_SENTRY"))
}
SECRETS = (
    "sk_live_hunter2hunter2",
    "whsec_hunter2hunter2hunter2",
    "pi_1_secret_hunter2hunter2",
    "4242424242424242",
    "Bearer hunter2hunter2hunter2",
    "postgresql://tollgate:hunter2hunter2@db/x",
)


def told(**given: str) -> Settings:
    """Settings of development with these."""
    return load_settings(OFF | given)


@pytest.fixture
def received() -> Iterator[Received]:
    """Nothing yet."""
    with receiver() as listening:
        yield listening


def test_by_default_all_is_off() -> None:
    """Nothing leaves, and the libraries are not even loaded."""
    with telemetry(told(), ProcessKind.API) as tracing:
        assert isinstance(tracing, Untraced)
    assert described(told()).endswith("traces off; error reports off")
    loaded = subprocess.run(
        [sys.executable, "-c", "import app.server, app.worker, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "app.telemetry" in loaded.stdout
    assert "opentelemetry" not in loaded.stdout
    assert "sentry_sdk" not in loaded.stdout


@pytest.mark.parametrize(
    ("module", "name", "value", "extra"),
    [
        ("app.spans", "TOLLGATE_TRACES_URL", "http://collector/v1/traces", "tracing"),
        ("app.spans", "TOLLGATE_NEW_RELIC_LICENSE_KEY", "hunter2", "tracing"),
        ("app.error_reports", "TOLLGATE_SENTRY_DSN", "http://key@host/1", "sentry"),
    ],
)
def test_an_extra_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str, value: str, extra: str
) -> None:
    """A process that is told to send what it cannot send does not start."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SettingsError) as refused, telemetry(told(**{name: value}), ProcessKind.API):
        pass
    assert list(refused.value.faults) == [name]
    assert f"tollgate[{extra}]" in refused.value.faults[name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOLLGATE_TRACES_URL", "collector:4318"),
        ("TOLLGATE_TRACES_URL", "https://user:hunter2@collector/v1/traces"),
        ("TOLLGATE_TRACES_RATIO", "1.5"),
        ("TOLLGATE_TRACES_RATIO", "nan"),
        ("TOLLGATE_SENTRY_DSN", "https://sentry.example.com/1"),
        ("TOLLGATE_SENTRY_DSN", "http://key@sentry.example.com/1"),
    ],
)
def test_wrong_settings_are_refused(name: str, value: str) -> None:
    """By name, without the value."""
    with pytest.raises(SettingsError) as refused:
        load_settings(PRODUCTION | {name: value})
    assert list(refused.value.faults) == [name]
    assert "hunter2" not in str(refused.value)


def test_a_license_key_travels_over_https() -> None:
    """In production; and it alone sends traces to New Relic."""
    with pytest.raises(SettingsError) as refused:
        load_settings(PRODUCTION | {"TOLLGATE_TRACES_URL": "http://collector/v1/traces"})
    assert list(refused.value.faults) == ["TOLLGATE_NEW_RELIC_LICENSE_KEY"]
    alone = told(TOLLGATE_NEW_RELIC_LICENSE_KEY="hunter2", TOLLGATE_TRACES_RATIO="0.25")
    assert alone.traces_go_to == "https://otlp.nr-data.net/v1/traces"
    assert "traces to otlp.nr-data.net (New Relic), 25% of them" in described(alone)


def test_errors_are_reported_without_secrets(received: Received) -> None:
    """With what they are about; of the line, its arguments, the error and what is bound every
    secret is blacked out, and variables stay here."""
    log = logging.getLogger("tollgate.test")
    settings = told(TOLLGATE_SENTRY_DSN=received.url.replace("://", "://key@") + "/1")
    with telemetry(settings, ProcessKind.API), bound(payment_id="pay_1", actor=SECRETS[3]):
        log.warning("no report of this")
        try:
            hidden_variable = "hunter2hunter2"
            raise RuntimeError(f"{SECRETS} {len(hidden_variable)}")
        except RuntimeError:
            log.exception("it failed: %s", " ".join(SECRETS), extra={"token": SECRETS[4]})
    (report,) = received.reports
    text = json.dumps(report)
    assert report["tags"] == {"payment_id": "pay_1", "actor": "[digits removed]"}
    assert report["logentry"]["message"] == "it failed: %s"
    assert "sk_live_[redacted]" in report["exception"]["values"][0]["value"]
    assert [each for each in ("hunter2", SECRETS[3], "no report") if each in text] == []
    assert "vars" not in text


def test_reporting_ends_with_the_process(received: Received) -> None:
    """What is logged after it stays here."""
    settings = told(TOLLGATE_SENTRY_DSN=received.url.replace("://", "://key@") + "/1")
    with telemetry(settings, ProcessKind.WORKER):
        logging.getLogger("tollgate.test").error("in time")
    logging.getLogger("tollgate.test").error("too late")
    assert [report["logentry"]["message"] for report in received.reports] == ["in time"]


async def test_a_call_says_how_it_ended(received: Received) -> None:
    """A decline is no error of the trace; an unknown outcome is. Texts stay here."""
    spans = tracing_of(told(TOLLGATE_TRACES_URL=f"{received.url}/v1/traces"), "tollgate-api")
    for problem in (GatewayDeclined("hunter2", snapshot=None), GatewayUnknown("hunter2")):
        with pytest.raises(type(problem)):
            async with spans.call(type(problem).__name__):
                raise problem
    spans.close()
    found = {
        span.name: (span.status.code, span.attributes[-1].value.string_value)
        for span in received.spans
    }
    assert found == {
        "stripe GatewayDeclined": (0, "declined"),
        "stripe GatewayUnknown": (2, "unknown"),
    }
    assert b"hunter2" not in b"".join(received.raw)


async def test_what_goes_on_after_its_request_stands_by_itself(received: Received) -> None:
    """A caller that hung up leaves a call under way: in the payment's trace, below nothing."""
    payment_id = new_id(Prefix.PAYMENT)
    spans = tracing_of(told(TOLLGATE_TRACES_URL=f"{received.url}/v1/traces"), "tollgate-api")
    with bound(payment_id=payment_id):
        with spans.request() as activity:
            late = spans.call("late")
            activity.told("POST /graphql", failed=False)
            async with spans.call("in time"):
                pass
        async with late:
            pass
    spans.close()
    found = {span.name: span for span in received.spans}
    assert found["stripe in time"].parent_span_id == found["POST /graphql"].span_id
    assert found["stripe late"].trace_id == found["POST /graphql"].trace_id
    assert found["stripe late"].parent_span_id == b""


async def test_a_collector_that_is_away_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    """Calls go on, and the end of the process waits a little while and no longer."""
    spans = tracing_of(told(TOLLGATE_TRACES_URL="http://127.0.0.1:1/v1/traces"), "tollgate-api")
    began = time.monotonic()
    async with spans.call("read_intent"):
        pass
    assert time.monotonic() - began < 1
    spans.close()
    assert time.monotonic() - began < 3 * EXPORT_SECONDS
