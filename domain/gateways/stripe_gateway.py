"""Stripe behind the gateway port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from domain.errors import GatewayProblem, GatewayRefused, GatewayUnauthorized, GatewayUnknown
from domain.gateway import AccountFacts, FeeRefundReply, IntentReply, RefundReply
from domain.gateways import stripe_requests
from domain.gateways.stripe_answers import read_one
from domain.gateways.stripe_calls import API_VERSION, StripeCalls
from domain.gateways.stripe_errors import UNREADABLE
from domain.gateways.stripe_money import balance_transaction_of
from domain.gateways.stripe_objects import (
    account_facts,
    dispute_snapshot,
    fee_refund_snapshot,
    intent_snapshot,
    refund_snapshot,
)
from domain.operation import GatewayRequest
from domain.payment import Payment
from domain.refund import Refund
from domain.snapshot import DisputeSnapshot, FeeRefundSnapshot, IntentSnapshot, RefundSnapshot
from domain.tenant import GatewayAccount, GatewayMode


class StripeGateway(StripeCalls):
    """Implements `domain.gateway.PaymentGateway` for Stripe and the sandbox.

    `secret_key` is the platform's; an account in mode OWN brings its own, one in mode CONNECT is
    named by `Stripe-Account` (docs.stripe.com/connect/direct-charges).
    """

    @property
    def livemode(self) -> bool:
        """Whether the platform's key is a live one."""
        return stripe_requests.is_live_key(self._secret_key)

    def create_intent_request(
        self,
        payment: Payment,
        *,
        payment_method_ref: str,
        return_url: str | None,
        application_fee: int | None,
    ) -> GatewayRequest:
        return stripe_requests.create_intent(
            payment,
            payment_method_ref=payment_method_ref,
            return_url=return_url,
            application_fee=application_fee,
        )

    def capture_request(
        self, payment: Payment, amount: int, *, application_fee: int | None
    ) -> GatewayRequest:
        return stripe_requests.capture(payment, amount, application_fee=application_fee)

    def cancel_request(self, payment: Payment, *, abandoned: bool) -> GatewayRequest:
        return stripe_requests.cancel(payment, abandoned=abandoned)

    def refund_request(self, payment: Payment, refund: Refund) -> GatewayRequest:
        return stripe_requests.refund(payment, refund)

    def fee_refund_request(
        self, payment: Payment, amount: int, *, operation_id: str
    ) -> GatewayRequest:
        return stripe_requests.fee_refund(payment, amount, operation_id)

    async def send_intent(
        self, account: GatewayAccount, request: GatewayRequest, *, key: str, timeout_seconds: float
    ) -> IntentReply:
        snapshot, request_id = await self._send(
            account, request, key=key, timeout_seconds=timeout_seconds, read=intent_snapshot
        )
        return IntentReply(snapshot, request_id)

    async def send_refund(
        self, account: GatewayAccount, request: GatewayRequest, *, key: str, timeout_seconds: float
    ) -> RefundReply:
        snapshot, request_id = await self._send(
            account, request, key=key, timeout_seconds=timeout_seconds, read=refund_snapshot
        )
        return RefundReply(snapshot, request_id)

    async def send_fee_refund(
        self, account: GatewayAccount, request: GatewayRequest, *, key: str, timeout_seconds: float
    ) -> FeeRefundReply:
        made, request_id = await self._send(
            _its_platform(account),
            request,
            key=key,
            timeout_seconds=timeout_seconds,
            read=fee_refund_snapshot,
        )
        try:
            return FeeRefundReply(await self._settled(account, made, timeout_seconds), request_id)
        except GatewayProblem as problem:
            # It took effect: however the second call failed, it must not count as never sent.
            message = f"what reached the account is not known: {problem.message}"
            raise GatewayUnknown(message, request_id=request_id) from problem

    async def list_fee_refunds(
        self, account: GatewayAccount, gateway_application_fee_id: str, *, timeout_seconds: float
    ) -> Sequence[FeeRefundSnapshot]:
        path = stripe_requests.fee_refunds_path(gateway_application_fee_id)
        found = await self._list(
            _its_platform(account),
            path,
            {},
            timeout_seconds=timeout_seconds,
            read=fee_refund_snapshot,
        )
        return [await self._settled(account, made, timeout_seconds) for made in found]

    async def _settled(
        self, account: GatewayAccount, made: FeeRefundSnapshot, timeout_seconds: float
    ) -> FeeRefundSnapshot:
        """The fee refund with what reached the connected account, by that account's books; without
        it, where the account is the platform's to see no longer."""
        try:
            moved = await self._list(
                account,
                "/v1/balance_transactions",
                {"source": made.gateway_fee_refund_id},
                timeout_seconds=timeout_seconds,
                read=balance_transaction_of,
            )
        except (GatewayRefused, GatewayUnauthorized):
            return made
        return replace(made, settled=moved[0].amount if moved else None)

    def told_intent(
        self, api_version: str | None, told: Mapping[str, object]
    ) -> IntentSnapshot | None:
        if api_version != API_VERSION:
            return None
        try:
            return intent_snapshot(told)
        except UNREADABLE:
            return None

    async def read_intent(
        self, account: GatewayAccount, gateway_payment_id: str, *, timeout_seconds: float
    ) -> IntentSnapshot:
        return await self._read(
            account,
            f"/v1/payment_intents/{gateway_payment_id}",
            {"expand": list(stripe_requests.EXPAND)},
            timeout_seconds=timeout_seconds,
            read=intent_snapshot,
        )

    async def read_refund(
        self, account: GatewayAccount, gateway_refund_id: str, *, timeout_seconds: float
    ) -> RefundSnapshot:
        return await self._read(
            account,
            f"/v1/refunds/{gateway_refund_id}",
            {"expand": list(stripe_requests.EXPAND_REFUND)},
            timeout_seconds=timeout_seconds,
            read=refund_snapshot,
        )

    async def list_intents(
        self,
        account: GatewayAccount,
        *,
        created_from: datetime,
        created_until: datetime,
        timeout_seconds: float,
    ) -> Sequence[IntentSnapshot]:
        span = {"gte": int(created_from.timestamp()), "lte": int(created_until.timestamp())}
        return await self._list(
            account,
            "/v1/payment_intents",
            {"created": span, "expand": [f"data.{field}" for field in stripe_requests.EXPAND]},
            timeout_seconds=timeout_seconds,
            read=intent_snapshot,
        )

    async def list_refunds(
        self, account: GatewayAccount, gateway_payment_id: str, *, timeout_seconds: float
    ) -> Sequence[RefundSnapshot]:
        return await self._list(
            account,
            "/v1/refunds",
            stripe_requests.refunds_of(gateway_payment_id),
            timeout_seconds=timeout_seconds,
            read=refund_snapshot,
        )

    async def read_dispute(
        self, account: GatewayAccount, gateway_dispute_id: str, *, timeout_seconds: float
    ) -> DisputeSnapshot:
        path = f"/v1/disputes/{gateway_dispute_id}"
        return await self._read(
            account, path, {}, timeout_seconds=timeout_seconds, read=dispute_snapshot
        )

    async def list_disputes(
        self, account: GatewayAccount, gateway_payment_id: str, *, timeout_seconds: float
    ) -> Sequence[DisputeSnapshot]:
        return await self._list(
            account,
            "/v1/disputes",
            {"payment_intent": gateway_payment_id},
            timeout_seconds=timeout_seconds,
            read=dispute_snapshot,
        )

    async def check_platform(self, *, timeout_seconds: float) -> AccountFacts:
        """The account that the platform's key leads to; it changes nothing. Raises what
        `check_account` does."""
        response = await self._call("get", "/v1/account", {}, {}, timeout_seconds)
        return read_one(response, account_facts)

    async def check_account(
        self, account: GatewayAccount, *, timeout_seconds: float
    ) -> AccountFacts:
        caller, path = account, "/v1/account"
        if account.mode is GatewayMode.CONNECT:
            # What the platform wrote on the account is not the account's to see.
            caller, path = _its_platform(account), f"{path}s/{account.account_id}"
        return await self._read(
            caller, path, {}, timeout_seconds=timeout_seconds, read=account_facts
        )


def _its_platform(account: GatewayAccount) -> GatewayAccount:
    """Who calls as the platform of a connected account."""
    return replace(account, mode=GatewayMode.PLATFORM)
