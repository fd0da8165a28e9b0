"""Patience with the sandbox over HTTP: once for what was shed, no storm in an outage."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from app.gateway_metrics import GatewayMeasures
from app.gateway_patience import FAULTS_MAX, OPEN_CODE, Patience
from app.gateway_watch import WatchedGateway
from domain.errors import GatewayUnavailable, OutcomeUnknown
from domain.payment import PaymentStatus
from domain.services import PaymentService
from tests.integration.webhooks.shop import NO_REDIS, Shop, opened

INTENTS = {"method": "POST", "path": "/v1/payment_intents"}


def patient(shop: Shop, patience: Patience) -> CollectorRegistry:
    """The shop's payments go through it from now on, and are counted."""
    registry = CollectorRegistry()
    gateway = WatchedGateway(shop.gateway, GatewayMeasures(registry).around, patience)
    shop.payments = PaymentService(shop.database, gateway, shop.wake, shop.clock)
    return registry


def calls(registry: CollectorRegistry, outcome: str) -> float | None:
    """How many calls to make an intent ended so."""
    labels = {"call": "send_intent", "outcome": outcome}
    return registry.get_sample_value("tollgate_gateway_call_seconds_count", labels)


async def test_a_charge_that_was_shed_takes_effect_once(
    database_url: str, sandbox_url: str
) -> None:
    """Three times 429 and then yes is one charge, and the caller sees nothing of it."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        seen = patient(shop, Patience(pauses=(0.01, 0.01, 0.01)))
        await shop.control.order_fault("rate_limit", times=3, **INTENTS)

        payment = await shop.charge()

        assert payment.status is PaymentStatus.PAID
        assert (calls(seen, "unreached"), calls(seen, "ok")) == (3, 1)
        assert len(await shop.gateway_events("payment_intent.created")) == 1


async def test_a_charge_that_is_shed_on_and_on_is_refused(
    database_url: str, sandbox_url: str
) -> None:
    """Four calls, then GATEWAY_UNAVAILABLE; nothing took effect."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        seen = patient(shop, Patience(pauses=(0.01, 0.01, 0.01)))
        await shop.control.order_fault("rate_limit", times=None, **INTENTS)
        with pytest.raises(GatewayUnavailable):
            await shop.charge()
        assert (calls(seen, "unreached"), calls(seen, "ok")) == (4, None)
        assert await shop.gateway_events("payment_intent.created") == []


async def test_an_outage_makes_no_storm(database_url: str, sandbox_url: str) -> None:
    """A gateway account without answers is left alone for a while: the sixth charge is refused
    without a call, and may be repeated; what the five came to stays unknown."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        seen = patient(shop, Patience())
        await shop.control.order_fault("unavailable", times=None, **INTENTS)
        for _ in range(FAULTS_MAX):
            with pytest.raises(OutcomeUnknown):
                await shop.charge()
        with pytest.raises(GatewayUnavailable) as paused:
            await shop.charge()
        assert paused.value.detail_code == OPEN_CODE
        assert (calls(seen, "unknown"), calls(seen, "unreached")) == (FAULTS_MAX, None)
