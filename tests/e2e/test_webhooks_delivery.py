"""Payments that only a webhook can bring to their end, through the whole of Tollgate."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from app.seed import seed
from app.settings import load_settings
from app.stack import Stack
from app.tokens import mint_token
from domain.caller import Role
from tests.e2e.sandbox.control import Control, eventually

CREATE = """mutation($input: CreateOrderInput!) {
  result: createOrder(input: $input) { ... on OrderSuccess { order { id } } } }"""
CHARGE = """mutation($input: ChargePaymentInput!) {
  result: chargePayment(input: $input) {
    ... on PaymentSuccess { payment { id status gatewayPaymentId } } } }"""
PAYMENT = """query($id: ID!) { result: payment(id: $id) {
  id status refundedAmount { amountCents } platformFee { amountCents }
  gatewayFee { amountCents } gatewayFeeIsFinal netAmount { amountCents } } }"""


@dataclass(frozen=True)
class Merchant:
    """A tenant's server, and the dashboard of the gateway beside it."""

    api: aiohttp.ClientSession
    stripe: aiohttp.ClientSession
    control: Control

    async def ask(self, query: str, **variables: Any) -> Mapping[str, Any]:
        """The result of the one field asked for."""
        body = {"query": query, "variables": variables}
        async with self.api.post("/graphql", json=body) as answer:
            said = await answer.json()
        assert "errors" not in said, said
        result: Mapping[str, Any] = said["data"]["result"]
        return result

    async def charge(self, card: str) -> Mapping[str, Any]:
        """The payment of a fresh order of 100.00 USD."""
        key = secrets.token_hex(8)
        order = {"reference": key, "totalAmountCents": 10_000, "currency": "USD"}
        made = await self.ask(CREATE, input={**order, "idempotencyKey": key})
        charge = {
            "orderId": made["order"]["id"],
            "paymentMethod": {"type": "CARD", "token": card},
            "idempotencyKey": secrets.token_hex(8),
        }
        payment: Mapping[str, Any] = (await self.ask(CHARGE, input=charge))["payment"]
        return payment

    async def wait_for(self, payment: Mapping[str, Any], **expected: Any) -> Mapping[str, Any]:
        """The payment once these fields are so; fails when they are not in 15 s."""
        return await eventually(
            lambda: self.ask(PAYMENT, id=payment["id"]),
            lambda seen: expected.items() <= seen.items(),
            seconds=15,
        )


@pytest_asyncio.fixture
async def merchant(stack: Stack) -> AsyncIterator[Merchant]:
    """The tenant on the Starter tier."""
    settings = load_settings(stack.environment)
    tenant = (await seed(settings)).starter
    token = mint_token(settings, tenant=tenant.id, roles=[Role.ADMIN])
    bearer, key = f"Bearer {token}", f"Bearer {stack.stripe_secret_key}"
    async with (
        aiohttp.ClientSession(stack.api_url, headers={"Authorization": bearer}) as api,
        aiohttp.ClientSession(stack.stripe_api_base, headers={"Authorization": key}) as stripe,
    ):
        yield Merchant(api, stripe, Control(stack.stripe_api_base, stripe))


@pytest.mark.parametrize(("outcome", "status"), [("succeed", "PAID"), ("fail", "FAILED")])
async def test_three_d_secure_ends_by_webhook(
    merchant: Merchant, outcome: str, status: str
) -> None:
    """The payer finishes at the issuer; only the signed webhook tells Tollgate how."""
    payment = await merchant.charge("pm_card_threeDSecure2Required")
    await merchant.control.authenticate(payment["gatewayPaymentId"], outcome)

    assert payment["status"] == "REQUIRES_ACTION"
    await merchant.wait_for(payment, status=status)


@pytest_asyncio.fixture
async def disorder(merchant: Merchant) -> AsyncIterator[None]:
    """While it lasts, every delivery comes twice and out of order."""
    faults = [
        await merchant.control.order_fault(kind, times=None)
        for kind in ("webhook_double", "webhook_shuffle")
    ]
    yield
    for fault in faults:
        await merchant.control.clear_faults(fault)


@pytest.mark.usefixtures("disorder")
async def test_a_refund_of_the_dashboard_arrives(merchant: Merchant) -> None:
    """A refund made at the gateway's dashboard shows up, with deliveries doubled and shuffled."""
    payment = await merchant.charge("pm_card_visa")
    form = {"payment_intent": payment["gatewayPaymentId"], "amount": "2500"}
    async with merchant.stripe.post("/v1/refunds", data=form) as answer:
        assert answer.status == 200
    seen = await merchant.wait_for(
        payment, refundedAmount={"amountCents": 2_500}, gatewayFeeIsFinal=True
    )

    assert seen["status"] == "PAID"
    # 300 less the 75 that the refund returned; 3.20 stay with the gateway
    assert seen["netAmount"] == {"amountCents": 10_000 - 2_500 - 225 - 320}
