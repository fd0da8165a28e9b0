"""The audit log as a client sees it."""

from __future__ import annotations

from datetime import datetime

import strawberry

from domain import audit_reading
from domain.audit_reading import SealedEntry
from domain.caller import AuditActorType
from schema.filters import DateTimeRange
from schema.node import Node
from schema.scalars import Json, SafeText


@strawberry.type(
    description="One change, written in the commit of the change and never altered. An entry's "
    "hash covers the entry and the hash before it, so that none can be changed or dropped unseen."
)
class AuditEntry(Node):
    at: datetime = strawberry.field(description="When it happened.")
    actor_type: AuditActorType = strawberry.field(description="What kind of actor caused it.")
    actor: str = strawberry.field(
        description="Who caused it: a token's subject, a part of Tollgate, or a gateway's event."
    )
    action: str = strawberry.field(description="What was done, as in payment.paid.")
    subject_id: strawberry.ID = strawberry.field(description="What it was done to.")
    request_id: str | None = strawberry.field(description="The request that asked for it.")
    ip_address: str | None = strawberry.field(description="The address it was asked from.")
    before: Json | None = strawberry.field(description="The subject before it.")
    after: Json | None = strawberry.field(description="The subject after it.")
    sequence: int | None = strawberry.field(
        description="Its place in the tenant's chain, from 1; null until sealed, within a minute."
    )
    hash: str | None = strawberry.field(
        description="Its SHA-256 in the chain, in hexadecimal; null until sealed."
    )

    @classmethod
    def of(cls, sealed: SealedEntry) -> AuditEntry:
        """The entry as a client sees it."""
        entry = sealed.entry
        return cls(
            id=strawberry.ID(entry.id),
            at=entry.at,
            actor_type=entry.actor.type,
            actor=entry.actor.id,
            action=entry.action,
            subject_id=strawberry.ID(entry.subject_id),
            request_id=entry.actor.request_id,
            ip_address=entry.actor.ip_address,
            before=None if entry.before is None else Json(dict(entry.before)),
            after=None if entry.after is None else Json(dict(entry.after)),
            sequence=sealed.sequence,
            hash=sealed.hash,
        )


@strawberry.input(description="Which audit entries.")
class AuditFilter:
    actor: SafeText | None = strawberry.field(
        description="Caused by this actor, by its whole name.", default=None
    )
    action: SafeText | None = strawberry.field(
        description="Of this action, such as refund.succeeded.", default=None
    )
    subject_id: strawberry.ID | None = strawberry.field(
        description="About this order, payment, gateway or tenant; a refund is found by its "
        "payment.",
        default=None,
    )
    at: DateTimeRange | None = strawberry.field(description="Made then.", default=None)

    def to_filter(self) -> audit_reading.AuditFilter:
        """The filter as the reads take it."""
        return audit_reading.AuditFilter(
            actor=self.actor,
            action=self.action,
            subject_id=self.subject_id,
            at=self.at.to_range() if self.at else None,
        )
