"""What an event about a dispute makes us ask the gateway."""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors import SnapshotMismatch
from domain.event_types import Subject, UseCase
from domain.gateway import GatewayReader
from domain.operation_reads import JOB_SECONDS
from domain.snapshot import DisputeSnapshot
from domain.tenant import GatewayAccount


async def read_disputes(
    gateway: GatewayReader,
    account: GatewayAccount,
    intent_id: str,
    subject: Subject,
    use_case: UseCase,
) -> tuple[DisputeSnapshot, ...]:
    """The dispute that the event names, or all of the intent's where its id is none; oldest first.

    Raises GatewayProblem, and SnapshotMismatch for a dispute of another intent.
    """
    if use_case is not UseCase.DISPUTE:
        return ()
    dispute_id, timeout = subject.gateway_dispute_id, JOB_SECONDS
    disputes: Sequence[DisputeSnapshot]
    if dispute_id is None:
        disputes = await gateway.list_disputes(account, intent_id, timeout_seconds=timeout)
    else:
        disputes = [await gateway.read_dispute(account, dispute_id, timeout_seconds=timeout)]
    if any(dispute.gateway_payment_id not in (None, intent_id) for dispute in disputes):
        raise SnapshotMismatch(f"dispute {dispute_id} is not of {intent_id}")
    return tuple(reversed(disputes))  # a listing begins with the newest
