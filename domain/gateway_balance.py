"""What moved in an account at the gateway, as the domain sees it: Stripe's balance transactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.gateway import PaymentGateway
from domain.tenant import GatewayAccount


class MovementKind(StrEnum):
    """What moved the money. OTHER is none of a payment's: a payout, a monthly fee, a transfer."""

    CHARGE = "CHARGE"
    REFUND = "REFUND"
    DISPUTE = "DISPUTE"
    FEE_REFUND = "FEE_REFUND"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One balance transaction (docs.stripe.com/api/balance_transactions). `net` is what the balance
    changed by, in minor units of the account's `currency`; `fee` is in it. The ids are those of the
    charge, refund, dispute or fee refund that is its source, as far as that tells them."""

    source_id: str
    kind: MovementKind
    net: int
    fee: int
    currency: str
    gateway_payment_id: str | None = None
    gateway_charge_id: str | None = None
    tollgate_payment_id: str | None = None


class ReconciledGateway(PaymentGateway, Protocol):
    """A gateway whose lists can be walked."""

    async def list_movements(
        self,
        account: GatewayAccount,
        *,
        created_from: datetime,
        created_until: datetime,
        timeout_seconds: float,
    ) -> Sequence[Movement]:
        """Every movement from the one moment to the other, in whole seconds, both included;
        complete, or it raises; GatewayListTooLong where a shorter span may help."""
        ...
