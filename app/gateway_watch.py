"""The gateway with somebody who watches over each call, metrics and traces, and with patience."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

from app.gateway_patience import Made, Make, Patience
from domain.gateway import (
    AccountFacts,
    FeeRefundReply,
    IntentReply,
    PaymentGateway,
    RefundReply,
)
from domain.operation import GatewayRequest
from domain.payment import Payment
from domain.refund import Refund
from domain.snapshot import DisputeSnapshot, FeeRefundSnapshot, IntentSnapshot, RefundSnapshot
from domain.tenant import GatewayAccount

Around = Callable[[str], AbstractAsyncContextManager[None]]
"""Made for each call, by its name; sees what the call raises and changes nothing of it."""


def both(outer: Around, inner: Around) -> Around:
    """Puts the one around the other."""

    @asynccontextmanager
    async def around(call: str) -> AsyncIterator[None]:
        async with outer(call), inner(call):
            yield

    return around


class WatchedGateway:
    """Implements `domain.gateway.PaymentGateway` over another one. Its calls raise what that one's
    do, or what `app.gateway_patience` says; the pure methods are that one's own."""

    def __init__(self, gateway: PaymentGateway, around: Around, patience: Patience) -> None:
        self._gateway = gateway
        self._around = around
        self._patience = patience

    async def _carried(
        self, call: str, account: GatewayAccount, timeout_seconds: float, make: Make[Made]
    ) -> Made:
        async def once(seconds: float) -> Made:
            async with self._around(call):
                return await make(seconds)

        return await self._patience.carry(account.id, timeout_seconds, once)

    @property
    def livemode(self) -> bool:
        """Whether the platform's key moves real money."""
        return self._gateway.livemode

    def create_intent_request(
        self,
        payment: Payment,
        *,
        payment_method_ref: str,
        return_url: str | None,
        application_fee: int | None,
    ) -> GatewayRequest:
        """As the other one."""
        return self._gateway.create_intent_request(
            payment,
            payment_method_ref=payment_method_ref,
            return_url=return_url,
            application_fee=application_fee,
        )

    def capture_request(
        self, payment: Payment, amount: int, *, application_fee: int | None
    ) -> GatewayRequest:
        """As the other one."""
        return self._gateway.capture_request(payment, amount, application_fee=application_fee)

    def cancel_request(self, payment: Payment, *, abandoned: bool) -> GatewayRequest:
        """As the other one."""
        return self._gateway.cancel_request(payment, abandoned=abandoned)

    def refund_request(self, payment: Payment, refund: Refund) -> GatewayRequest:
        """As the other one."""
        return self._gateway.refund_request(payment, refund)

    def fee_refund_request(
        self, payment: Payment, amount: int, *, operation_id: str
    ) -> GatewayRequest:
        """As the other one."""
        return self._gateway.fee_refund_request(payment, amount, operation_id=operation_id)

    def told_intent(
        self, api_version: str | None, told: Mapping[str, object]
    ) -> IntentSnapshot | None:
        """As the other one."""
        return self._gateway.told_intent(api_version, told)

    async def read_intent(
        self, account: GatewayAccount, gateway_payment_id: str, *, timeout_seconds: float
    ) -> IntentSnapshot:
        """Watched, with patience."""
        return await self._carried(
            "read_intent",
            account,
            timeout_seconds,
            lambda seconds: self._gateway.read_intent(
                account, gateway_payment_id, timeout_seconds=seconds
            ),
        )

    async def read_refund(
        self, account: GatewayAccount, gateway_refund_id: str, *, timeout_seconds: float
    ) -> RefundSnapshot:
        """Watched, with patience."""
        return await self._carried(
            "read_refund",
            account,
            timeout_seconds,
            lambda seconds: self._gateway.read_refund(
                account, gateway_refund_id, timeout_seconds=seconds
            ),
        )

    async def list_refunds(
        self, account: GatewayAccount, gateway_payment_id: str, *, timeout_seconds: float
    ) -> Sequence[RefundSnapshot]:
        """Watched, with patience."""
        return await self._carried(
            "list_refunds",
            account,
            timeout_seconds,
            lambda seconds: self._gateway.list_refunds(
                account, gateway_payment_id, timeout_seconds=seconds
            ),
        )

    async def read_dispute(
        self, account: GatewayAccount, gateway_dispute_id: str, *, timeout_seconds: float
    ) -> DisputeSnapshot:
        """Watched, with patience."""
        return await self._carried(
            "read_dispute",
            account,
            timeout_seconds,
            lambda seconds: self._gateway.read_dispute(
                account, gateway_dispute_id, timeout_seconds=seconds
            ),
        )

    async def list_disputes(
        self, account: GatewayAccount, gateway_payment_id: str, *, timeout_seconds: float
    ) -> Sequence[DisputeSnapshot]:
        """Watched, with patience."""
        return await self._carried(
            "list_disputes",
            account,
            timeout_seconds,
            lambda seconds: self._gateway.list_disputes(
                account, gateway_payment_id, timeout_seconds=seconds
            ),
        )

    async def list_fee_refunds(
        self, account: GatewayAccount, gateway_application_fee_id: str, *, timeout_seconds: float
    ) -> Sequence[FeeRefundSnapshot]:
        """Watched, with patience."""
        return await self._carried(
            "list_fee_refunds",
            account,
            timeout_seconds,
            lambda seconds: self._gateway.list_fee_refunds(
                account, gateway_application_fee_id, timeout_seconds=seconds
            ),
        )

    async def send_intent(
        self, account: GatewayAccount, request: GatewayRequest, *, key: str, timeout_seconds: float
    ) -> IntentReply:
        """Watched, with patience."""
        return await self._carried(
            "send_intent",
            account,
            timeout_seconds,
            lambda seconds: self._gateway.send_intent(
                account, request, key=key, timeout_seconds=seconds
            ),
        )

    async def send_refund(
        self, account: GatewayAccount, request: GatewayRequest, *, key: str, timeout_seconds: float
    ) -> RefundReply:
        """Watched, with patience."""
        return await self._carried(
            "send_refund",
            account,
            timeout_seconds,
            lambda seconds: self._gateway.send_refund(
                account, request, key=key, timeout_seconds=seconds
            ),
        )

    async def send_fee_refund(
        self, account: GatewayAccount, request: GatewayRequest, *, key: str, timeout_seconds: float
    ) -> FeeRefundReply:
        """Watched, with patience."""
        return await self._carried(
            "send_fee_refund",
            account,
            timeout_seconds,
            lambda seconds: self._gateway.send_fee_refund(
                account, request, key=key, timeout_seconds=seconds
            ),
        )

    async def check_account(
        self, account: GatewayAccount, *, timeout_seconds: float
    ) -> AccountFacts:
        """Watched, with patience."""
        return await self._carried(
            "check_account",
            account,
            timeout_seconds,
            lambda seconds: self._gateway.check_account(account, timeout_seconds=seconds),
        )

    async def list_intents(
        self,
        account: GatewayAccount,
        *,
        created_from: datetime,
        created_until: datetime,
        timeout_seconds: float,
    ) -> Sequence[IntentSnapshot]:
        """Watched, with patience."""
        return await self._carried(
            "list_intents",
            account,
            timeout_seconds,
            lambda seconds: self._gateway.list_intents(
                account,
                created_from=created_from,
                created_until=created_until,
                timeout_seconds=seconds,
            ),
        )
