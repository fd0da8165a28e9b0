"""The metrics, as Prometheus fetches them."""

import socket
import threading
from http import HTTPStatus

import aiohttp
import pytest

from app.metrics import PrometheusMeasures, metrics_served
from app.settings import Settings, load_settings
from domain.measures import WebhookRefusal
from tests.unit.app.test_settings import DEVELOPMENT


def settings_of(port: int | None) -> Settings:
    """Settings with their metrics on this port."""
    return load_settings(DEVELOPMENT | {"TOLLGATE_METRICS_PORT": "" if port is None else str(port)})


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def fetched(port: int) -> str:
    """The page of metrics."""
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        assert answer.status == HTTPStatus.OK
        return await answer.text()


async def test_what_was_counted_is_served() -> None:
    """Each counter has its value, and each reason of a refusal a line from the start."""
    measures, port = PrometheusMeasures(), free_port()
    measures.webhook_refused(WebhookRefusal.SIGNATURE)
    measures.webhook_batch(5, new=3, seconds=0.002)
    measures.webhook_missed(2)
    with metrics_served(settings_of(port), measures):
        lines = (await fetched(port)).splitlines()

    assert 'tollgate_webhook_refusals_total{reason="signature"} 1.0' in lines
    shown = [line for line in lines if line.startswith("tollgate_webhook_refusals_total{")]
    assert len(shown) == len(WebhookRefusal)
    assert "tollgate_webhook_received_total 5.0" in lines
    assert "tollgate_webhook_duplicates_total 2.0" in lines
    assert "tollgate_webhook_missed_total 2.0" in lines
    assert 'tollgate_webhook_batch_deliveries_bucket{le="8.0"} 1.0' in lines
    with pytest.raises(aiohttp.ClientConnectionError):
        await fetched(port)


def test_without_a_port_nothing_is_served() -> None:
    """Metrics are served where the settings say so, and nowhere else."""
    before = threading.active_count()
    with metrics_served(settings_of(None), PrometheusMeasures()):
        assert threading.active_count() == before


def test_a_port_that_is_taken_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A process goes on without its metrics, and says so."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with metrics_served(settings_of(port), PrometheusMeasures()):
            assert "the metrics are not served" in caplog.text
