"""The events that are believed without a read, and all that are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.event_types import USE_CASES
from domain.fees import GatewayFeeSchedule
from domain.gateways.stripe_calls import API_VERSION
from domain.gateways.stripe_gateway import StripeGateway
from domain.inbox import WebhookEvent, WebhookEventSource, WebhookEventStatus
from domain.payment import (
    GatewayType,
    Payment,
    PaymentStatus,
)
from domain.snapshot import IntentSnapshot
from domain.tenant import GatewayAccount, GatewayMode
from domain.told import told_intent
from tests.builders import a_payment

NOW = datetime(2026, 11, 26, tzinfo=UTC)
GATEWAY = StripeGateway(secret_key="sk_test_none", api_base="http://127.0.0.1:1")
PLATFORM = GatewayAccount(
    id="gw_platform",
    tenant_id=None,
    gateway_type=GatewayType.STRIPE,
    mode=GatewayMode.PLATFORM,
    livemode=False,
    is_enabled=True,
    fee_schedule=GatewayFeeSchedule(290, 30),
)
CONNECTED = replace(
    PLATFORM, id="gw_1", tenant_id="ten_1", mode=GatewayMode.CONNECT, account_id="acct_1"
)
OWN = replace(PLATFORM, id="gw_1", tenant_id="ten_1", mode=GatewayMode.OWN, secret_key="sk_test_1")
PAYMENT = a_payment(
    id="pay_1",
    tenant_id="ten_1",
    gateway_id="gw_1",
    status=PaymentStatus.PROCESSING,
    gateway_payment_id="pi_1",
)
INTENT: dict[str, Any] = {
    "id": "pi_1",
    "object": "payment_intent",
    "status": "succeeded",
    "amount": 10_000,
    "amount_capturable": 0,
    "amount_received": 10_000,
    "currency": "usd",
    "livemode": False,
    "created": 1_764_115_200,
    "canceled_at": None,
    "cancellation_reason": None,
    "latest_charge": "ch_1",
    "metadata": {"tollgate_payment_id": "pay_1"},
}
EVENT = WebhookEvent(
    id="we_1",
    gateway_id="gw_platform",
    livemode=False,
    event_id="evt_1",
    event_type="payment_intent.succeeded",
    api_version=API_VERSION,
    account=None,
    payload={"data": {"object": INTENT}},
    status=WebhookEventStatus.PROCESSING,
    created_at=NOW,
)


def told(
    event: WebhookEvent = EVENT,
    came_by: GatewayAccount = PLATFORM,
    payment: Payment = PAYMENT,
    **intent: Any,
) -> IntentSnapshot | None:
    """What is believed of the event, its intent changed like this."""
    changed = {"data": {"object": {**INTENT, **intent}}}
    return told_intent(GATEWAY, replace(event, payload=changed), came_by, payment)


@pytest.mark.parametrize("came_by", [PLATFORM, CONNECTED], ids=["platform", "Connect"])
def test_a_success_is_believed(came_by: GatewayAccount) -> None:
    """Over an endpoint whose secret is the platform's, a success as recorded needs no read."""
    snapshot = told(came_by=came_by)

    assert snapshot is not None
    assert (snapshot.amount_received, snapshot.gateway_charge_id) == (10_000, "ch_1")
    assert (snapshot.card, snapshot.settlement) == (None, None)


def test_a_partial_capture_is_believed() -> None:
    """What was received may be less than the amount, since a part may have been captured."""
    snapshot = told(amount_received=4_000)

    assert snapshot is not None
    assert snapshot.amount_received == 4_000


def test_a_cancel_is_believed() -> None:
    """A canceled intent is as final as a succeeded one, whatever was the reason."""
    canceled: dict[str, Any] = {
        "status": "canceled",
        "amount_received": 0,
        "canceled_at": 1_764_115_300,
    }
    event = replace(EVENT, event_type="payment_intent.canceled")

    for reason in ("abandoned", "automatic", "requested_by_customer", None):
        snapshot = told(event, cancellation_reason=reason, **canceled)
        assert snapshot is not None
        assert snapshot.cancellation_reason == reason


def test_a_tenants_own_endpoint_is_not_believed() -> None:
    """A tenant that knows its endpoint's secret can sign what it likes."""
    assert told(came_by=OWN) is None


@pytest.mark.parametrize("version", [None, "", "2024-04-10", "2026-09-30.endive", "2027-01-01.x"])
def test_another_shape_is_not_believed(version: str | None) -> None:
    """Only the pinned version says what we think it says."""
    assert told(replace(EVENT, api_version=version)) is None


def test_what_was_listed_is_not_believed() -> None:
    """An event that came without a signature is only a reason to read."""
    assert told(replace(EVENT, source=WebhookEventSource.LISTED)) is None


@pytest.mark.parametrize(
    "event_type",
    sorted({*USE_CASES} - {"payment_intent.succeeded", "payment_intent.canceled"}),
)
def test_every_other_type_is_read(event_type: str) -> None:
    """Also where its object says succeeded."""
    assert told(replace(EVENT, event_type=event_type)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"status": "canceled"},
        {"status": "requires_payment_method"},
        {"status": "no such status"},
        {"object": "charge"},
        {"id": "pi_2"},
        {"amount": 9_999},
        {"amount": 10_001},
        {"amount": "10000"},
        {"amount_received": 0},
        {"amount_received": 10_001},
        {"amount_received": -1},
        {"currency": "eur"},
        {"livemode": True},
        {"metadata": {}},
        {"metadata": {"tollgate_payment_id": "pay_2"}},
        {"created": None},
    ],
    ids=str,
)
def test_what_is_not_as_recorded_is_read(change: dict[str, Any]) -> None:
    """A type that the object belies, another intent, amount, currency, mode or payment, and what
    cannot be read at all."""
    assert told(**change) is None


def test_a_payment_without_its_intent_is_read() -> None:
    """Metadata alone, which anybody with the account's key can write, say too little."""
    assert told(payment=replace(PAYMENT, gateway_payment_id=None)) is None
