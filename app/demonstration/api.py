"""Tollgate as its clients see it: checked-in GraphQL documents over HTTP with a bearer token."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from app.demonstration.figures import QUOTE, Figures

OPERATIONS = Path(__file__).with_name("operations")
PATIENCE_SECONDS = 45.0
"""How long a payment or a webhook may take to arrive."""
POLL_SECONDS = 0.1
CURRENCY = "USD"

_FRAGMENT = "payment_figures"
_Found = TypeVar("_Found")


class NotAsExpected(Exception):
    """Raised when an answer is not what the demonstration needs to go on; the text says which."""


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class Money(_Answer):
    """An amount in minor units."""

    amount_cents: int


class NextAction(_Answer):
    """What the payer must do."""

    type: str


class Quote(_Answer):
    """The answer of feeQuote."""

    amount: Money
    platform_fee: Money
    gateway_fee_estimate: Money
    net_amount: Money

    def figures(self) -> Figures:
        """As the table shows it."""
        return Figures(
            status=QUOTE,
            total=self.amount.amount_cents,
            platform_fee=self.platform_fee.amount_cents,
            gateway_fee=self.gateway_fee_estimate.amount_cents,
            is_final=False,
            net=self.net_amount.amount_cents,
        )


class Payment(_Answer):
    """A payment with its figures."""

    id: str
    status: str
    gateway_payment_id: str | None
    total_amount: Money
    captured_amount: Money
    refunded_amount: Money
    platform_fee: Money
    platform_fee_refunded: Money
    gateway_fee: Money
    gateway_fee_is_final: bool
    net_amount: Money
    next_action: NextAction | None

    def figures(self) -> Figures:
        """As the table shows it."""
        returned = self.platform_fee_refunded.amount_cents
        return Figures(
            status=self.status,
            total=self.total_amount.amount_cents,
            platform_fee=self.platform_fee.amount_cents - returned,
            gateway_fee=self.gateway_fee.amount_cents,
            is_final=self.gateway_fee_is_final,
            net=self.net_amount.amount_cents,
            refunded=self.refunded_amount.amount_cents,
        )


class Order(_Answer):
    """An order."""

    id: str
    status: str
    total_amount: Money
    remaining_amount: Money


class Outcome(_Answer):
    """What a mutation answers: a success or one of its errors."""

    kind: str = Field(alias="__typename")
    order: Order | None = None
    payment: Payment | None = None
    code: str | None = None
    detail_code: str | None = None
    message: str | None = None


class _Data(_Answer):
    fee_quote: Quote | None = None
    payment: Payment | None = None
    order: Order | None = None
    outcome: Outcome | None = None


class _Body(_Answer):
    data: _Data | None = None


class Merchant:
    """A tenant's server. Every reference and idempotency key is used by this run alone."""

    def __init__(
        self, session: aiohttp.ClientSession, api_url: str, *, tier: str, token: str
    ) -> None:
        self.tier = tier
        self._session = session
        self._url = f"{api_url}/graphql"
        self._token = token
        self._run = secrets.token_hex(6)
        self._calls = 0

    async def quote(self, cents: int) -> Quote:
        """What a payment of this amount would cost."""
        data = await self._execute("fee_quote", {"amountCents": cents, "currency": CURRENCY})
        return _there(data.fee_quote, "feeQuote")

    async def payment(self, payment_id: str) -> Payment:
        """The payment as it is now."""
        return _there((await self._execute("payment", {"id": payment_id})).payment, payment_id)

    async def order(self, order_id: str) -> Order:
        """The order as it is now."""
        return _there((await self._execute("order", {"id": order_id})).order, order_id)

    async def new_order(self, cents: int) -> Order:
        """Open an order."""
        key = self._key()
        outcome = await self._mutate(
            "create_order",
            {
                "reference": f"demo-{key}",
                "totalAmountCents": cents,
                "currency": CURRENCY,
                "idempotencyKey": key,
            },
        )
        return _there(outcome.order, f"createOrder: {outcome.message}")

    async def pay(self, operation: str, order: Order, card: str) -> Outcome:
        """`authorize_payment` or `charge_payment`; a decline is an outcome like any other."""
        method = {"type": "CARD", "token": card}
        values = {"orderId": order.id, "paymentMethod": method, "idempotencyKey": self._key()}
        return await self._mutate(operation, values)

    async def change(
        self, operation: str, payment: Payment, amount_cents: int | None = None
    ) -> Payment:
        """`capture_payment`, `refund_payment` or `cancel_payment`.

        Raises NotAsExpected for any error.
        """
        values: dict[str, object] = {"paymentId": payment.id, "idempotencyKey": self._key()}
        if amount_cents is not None:
            values["amountCents"] = amount_cents
        return succeeded(await self._mutate(operation, values), operation)

    async def wait_for(self, payment_id: str, expected: Figures) -> Payment:
        """The payment once it has arrived at the expected figures, or as it is when patience
        ends."""
        end = time.monotonic() + PATIENCE_SECONDS
        payment = await self.payment(payment_id)
        while not payment.figures().has_arrived_at(expected) and time.monotonic() < end:
            await asyncio.sleep(POLL_SECONDS)
            payment = await self.payment(payment_id)
        return payment

    def _key(self) -> str:
        self._calls += 1
        return f"{self._run}-{self._calls}"

    async def _mutate(self, operation: str, values: Mapping[str, object]) -> Outcome:
        return _there((await self._execute(operation, {"input": values})).outcome, operation)

    async def _execute(self, operation: str, variables: Mapping[str, object]) -> _Data:
        headers = {"Authorization": f"Bearer {self._token}"}
        body = {"query": document(operation), "variables": variables}
        async with self._session.post(self._url, json=body, headers=headers) as answer:
            text = await answer.text()
        try:
            return _there(_Body.model_validate_json(text).data, f"{operation} answered {text}")
        except ValidationError as error:
            raise NotAsExpected(f"{operation} answered {text[:500]}") from error


def succeeded(outcome: Outcome, operation: str) -> Payment:
    """The payment of a success. Raises NotAsExpected."""
    if outcome.payment is None or not outcome.kind.endswith("Success"):
        raise NotAsExpected(f"{operation} answered {outcome.code}: {outcome.message}")
    return outcome.payment


def document(operation: str) -> str:
    """The document of this name, with the fragment that it spreads."""
    text = (OPERATIONS / f"{operation}.graphql").read_text(encoding="utf-8")
    if "...PaymentFigures" in text:
        text += (OPERATIONS / f"{_FRAGMENT}.graphql").read_text(encoding="utf-8")
    return text


def _there(value: _Found | None, what: str) -> _Found:
    if value is None:
        raise NotAsExpected(f"there is no answer to {what[:500]}")
    return value
