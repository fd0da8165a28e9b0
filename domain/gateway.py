"""The gateway as the domain sees it: pure requests, single calls, five kinds of failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.operation import GatewayRequest
from domain.payment import Payment
from domain.refund import Refund
from domain.snapshot import DisputeSnapshot, FeeRefundSnapshot, IntentSnapshot, RefundSnapshot
from domain.tenant import GatewayAccount


@dataclass(frozen=True, slots=True)
class IntentReply:
    """An intent as the gateway answered, and its id of the request."""

    snapshot: IntentSnapshot
    request_id: str | None


@dataclass(frozen=True, slots=True)
class RefundReply:
    """A refund as the gateway answered, and its id of the request."""

    snapshot: RefundSnapshot
    request_id: str | None


@dataclass(frozen=True, slots=True)
class FeeRefundReply:
    """A fee refund as the gateway answered, and its id of the request."""

    snapshot: FeeRefundSnapshot
    request_id: str | None


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the gateway says of the account that credentials lead to. `tenant_id` is the tenant that
    the platform has written on the account; only the platform can (`stripe_objects.TENANT_ID`)."""

    account_id: str
    charges_enabled: bool
    tenant_id: str | None = None


class GatewayReader(Protocol):
    """What can be read of a gateway: one call each, never retried.

    Calls raise GatewayDeclined, GatewayRefused, GatewayUnreached, GatewayUnauthorized or
    GatewayUnknown, and nothing else.
    """

    async def read_intent(
        self, account: GatewayAccount, gateway_payment_id: str, *, timeout_seconds: float
    ) -> IntentSnapshot: ...

    async def read_refund(
        self, account: GatewayAccount, gateway_refund_id: str, *, timeout_seconds: float
    ) -> RefundSnapshot: ...

    async def list_refunds(
        self, account: GatewayAccount, gateway_payment_id: str, *, timeout_seconds: float
    ) -> Sequence[RefundSnapshot]:
        """Every refund of the intent; complete, or it raises."""
        ...

    async def read_dispute(
        self, account: GatewayAccount, gateway_dispute_id: str, *, timeout_seconds: float
    ) -> DisputeSnapshot: ...

    async def list_disputes(
        self, account: GatewayAccount, gateway_payment_id: str, *, timeout_seconds: float
    ) -> Sequence[DisputeSnapshot]:
        """Every dispute of the intent; complete, or it raises."""
        ...

    async def check_account(
        self, account: GatewayAccount, *, timeout_seconds: float
    ) -> AccountFacts:
        """The account that these credentials lead to; it changes nothing."""
        ...


class PaymentGateway(GatewayReader, Protocol):
    """A gateway. The `*_request` methods and `told_intent` are pure."""

    @property
    def livemode(self) -> bool:
        """Whether the platform's key moves real money."""
        ...

    def create_intent_request(
        self,
        payment: Payment,
        *,
        payment_method_ref: str,
        return_url: str | None,
        application_fee: int | None,
    ) -> GatewayRequest: ...

    def capture_request(
        self, payment: Payment, amount: int, *, application_fee: int | None
    ) -> GatewayRequest: ...

    def cancel_request(self, payment: Payment, *, abandoned: bool) -> GatewayRequest: ...

    def refund_request(self, payment: Payment, refund: Refund) -> GatewayRequest: ...

    def fee_refund_request(
        self, payment: Payment, amount: int, *, operation_id: str
    ) -> GatewayRequest: ...

    def told_intent(
        self, api_version: str | None, told: Mapping[str, object]
    ) -> IntentSnapshot | None:
        """The intent as an event of this API version tells it: without its charge, of which an
        event has the id alone. None for any version but the pinned one, and for what cannot be
        read."""
        ...

    async def send_intent(
        self, account: GatewayAccount, request: GatewayRequest, *, key: str, timeout_seconds: float
    ) -> IntentReply: ...

    async def send_refund(
        self, account: GatewayAccount, request: GatewayRequest, *, key: str, timeout_seconds: float
    ) -> RefundReply: ...

    async def send_fee_refund(
        self, account: GatewayAccount, request: GatewayRequest, *, key: str, timeout_seconds: float
    ) -> FeeRefundReply:
        """As the platform, whose fee it is: the connected account may not return it."""
        ...

    async def list_fee_refunds(
        self, account: GatewayAccount, gateway_application_fee_id: str, *, timeout_seconds: float
    ) -> Sequence[FeeRefundSnapshot]:
        """All that went back of an application fee of this connected account; complete, or it
        raises."""
        ...

    async def list_intents(
        self,
        account: GatewayAccount,
        *,
        created_from: datetime,
        created_until: datetime,
        timeout_seconds: float,
    ) -> Sequence[IntentSnapshot]:
        """Every intent created in the span; complete, or it raises."""
        ...
