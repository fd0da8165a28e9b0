"""Stripe's list of balance transactions (docs.stripe.com/api/balance_transactions/list)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import stripe

from domain.gateway_balance import Movement, MovementKind
from domain.gateways.stripe_fields import Json, maybe_object, maybe_text, reference, text_of
from domain.gateways.stripe_gateway import StripeGateway
from domain.gateways.stripe_money import balance_transaction_of
from domain.gateways.stripe_requests import PAYMENT_ID
from domain.tenant import GatewayAccount

_KINDS: Mapping[str, MovementKind] = {
    "ch": MovementKind.CHARGE,
    "py": MovementKind.CHARGE,
    "re": MovementKind.REFUND,
    "pyr": MovementKind.REFUND,
    "dp": MovementKind.DISPUTE,
    "du": MovementKind.DISPUTE,
    "fr": MovementKind.FEE_REFUND,
}
"""By the prefix of the source's id: `type` says `adjustment` of a dispute and of much else."""


class StripeBalance(StripeGateway):
    """Implements `domain.gateway_balance.ReconciledGateway`, with connections of its own and a
    pause before each call: a long walk takes neither connections nor Stripe's rate limit from
    payments (docs.stripe.com/rate-limits)."""

    def __init__(
        self, *, secret_key: str, api_base: str, connections_max: int = 2, pause_seconds: float
    ) -> None:
        super().__init__(secret_key=secret_key, api_base=api_base, connections_max=connections_max)
        self._pause_seconds = pause_seconds

    async def _call(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, object],
        options: Mapping[str, str],
        timeout_seconds: float,
    ) -> stripe.StripeResponse:
        await asyncio.sleep(self._pause_seconds)
        return await super()._call(method, path, parameters, options, timeout_seconds)

    async def list_movements(
        self,
        account: GatewayAccount,
        *,
        created_from: datetime,
        created_until: datetime,
        timeout_seconds: float,
    ) -> Sequence[Movement]:
        span = {"gte": int(created_from.timestamp()), "lte": int(created_until.timestamp())}
        return await self._list(
            account,
            "/v1/balance_transactions",
            {"created": span, "expand": ["data.source"]},
            timeout_seconds=timeout_seconds,
            read=movement_of,
        )


def movement_of(moved: Json) -> Movement:
    """A balance transaction with what its source tells of a payment. Its `source` is null where
    Stripe itself moved the money, an id where the account may not see it."""
    source_id, source = reference(moved, "source") or "", maybe_object(moved, "source") or {}
    transaction = balance_transaction_of(moved)
    kind = _KINDS.get(source_id.partition("_")[0], MovementKind.OTHER)
    is_charge = kind is MovementKind.CHARGE
    metadata = maybe_object(source, "metadata") or {}
    return Movement(
        source_id=source_id or text_of(moved, "id"),
        kind=kind,
        net=transaction.net,
        fee=transaction.fee,
        currency=transaction.currency,
        gateway_payment_id=reference(source, "payment_intent"),
        gateway_charge_id=source_id if is_charge else reference(source, "charge"),
        tollgate_payment_id=maybe_text(metadata, PAYMENT_ID) if is_charge else None,
    )
