"""What is printed of an object, as an exception or a log line would, holds no secret of it."""

from __future__ import annotations

from domain.commands import CreateOrder, StartPayment
from domain.payment import GatewayType, NextAction, PaymentMethodType


def test_a_command_does_not_print_whom_it_is_about() -> None:
    """Address, metadata, payment method and return address stay out of the text of a command."""
    order = CreateOrder(
        reference="A-1",
        total=100,
        currency="USD",
        idempotency_key="k",
        customer_email="hidden@shop.example",
        metadata={"hidden": "hidden"},
    )
    start = StartPayment(
        order_id="ord_1",
        payment_method_type=PaymentMethodType.CARD,
        payment_method_ref="pm_hidden",
        gateway_type=GatewayType.STRIPE,
        idempotency_key="k",
        return_url="https://shop.example/hidden",
        metadata={"hidden": "hidden"},
    )

    for command in (order, start):
        assert "hidden" not in repr(command)
        assert "idempotency_key='k'" in repr(command)


def test_a_next_action_does_not_print_its_secret() -> None:
    """Neither the client secret nor the address that may hold it."""
    action = NextAction("redirect_to_url", "https://hooks.example/?s=hidden", "pi_1_secret_hidden")

    assert repr(action) == "NextAction(type='redirect_to_url')"
