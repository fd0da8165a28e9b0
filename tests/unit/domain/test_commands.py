"""Commands and the idempotency keys that they are remembered by."""

from __future__ import annotations

from dataclasses import replace

from domain.commands import CapturePayment, StartPayment, input_values, record_key
from domain.idempotency import IdempotencyOutcome, IdempotencyRecord
from domain.payment import GatewayType, PaymentMethodType
from tests.builders import NOW, TENANT, an_order

CHARGE = StartPayment(
    order_id=an_order().id,
    payment_method_type=PaymentMethodType.CARD,
    payment_method_ref="pm_card_visa",
    gateway_type=GatewayType.STRIPE,
    idempotency_key="k-1",
    metadata={},
)


def test_a_merchants_key_is_remembered_as_it_is() -> None:
    """One key for a mutation, whatever the order."""
    assert record_key(CHARGE) == "k-1"
    assert record_key(CapturePayment(payment_id="pay_x", idempotency_key="k-2")) == "k-2"


def test_a_pages_key_is_remembered_with_its_order() -> None:
    """No other order's page and no merchant's server can have it, and it comes back as sent."""
    page = replace(CHARGE, from_checkout=True)
    other = replace(page, order_id="ord_other")
    record = IdempotencyRecord(
        id="idem_1",
        tenant_id=TENANT,
        mutation="CHARGE",
        key=record_key(page),
        input_hash="",
        outcome=IdempotencyOutcome.RUNNING,
        created_at=NOW,
    )

    assert len({record_key(CHARGE), record_key(page), record_key(other)}) == 3
    assert " " in record_key(page)
    assert record.given_key == "k-1"
    assert replace(record, key="k-1").given_key == "k-1"


def test_what_is_asked_for_does_not_say_who_asks() -> None:
    """The key and its owner are no part of the input that a repeated call must share."""
    assert input_values(replace(CHARGE, from_checkout=True)) == input_values(CHARGE)
    assert input_values(CHARGE) == {
        "order_id": CHARGE.order_id,
        "payment_method_type": PaymentMethodType.CARD,
        "payment_method_ref": "pm_card_visa",
        "gateway_type": GatewayType.STRIPE,
        "return_url": None,
        "metadata": {},
    }
