"""What a dispute has of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import strawberry

from domain import dispute
from domain.dispute import DisputeStatus
from schema.money import Money
from schema.node import Node


@strawberry.type
class OpenedDispute(Node):
    status: DisputeStatus = strawberry.field(description="Where it stands.")
    reason: str = strawberry.field(description="The gateway's word for the cardholder's reason.")
    amount: Money = strawberry.field(
        description="What is disputed: a part of the payment, or through exchange rates more."
    )
    dispute_fee: Money = strawberry.field(
        description="The gateway's fee for it, in the account's currency, less what came back."
    )
    evidence_due_at: datetime | None = strawberry.field(
        description="Until when evidence is taken; null where none is."
    )
    gateway_dispute_id: str = strawberry.field(description="The gateway's id (du_… or dp_…).")
    created_at: datetime = strawberry.field(description="When it was opened at the gateway.")
    closed_at: datetime | None = strawberry.field(
        description="When its end was heard of; null while it is open."
    )
    payment_id: strawberry.Private[str]

    @classmethod
    def opened(cls, given: dispute.Dispute) -> Self:
        """The dispute with all that it says of itself."""
        funds = given.funds
        fee = Money.of(funds.fee, funds.currency) if funds else Money.of(0, given.currency)
        return cls(
            id=strawberry.ID(given.id),
            status=given.status,
            reason=given.reason,
            amount=Money.of(given.amount, given.currency),
            dispute_fee=fee,
            evidence_due_at=given.evidence_due_at,
            gateway_dispute_id=given.gateway_dispute_id,
            created_at=given.created_at,
            closed_at=given.closed_at,
            payment_id=given.payment_id,
        )
