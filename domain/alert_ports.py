"""What the alerts need of the database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.alert import Alert
from domain.alert_notice import Notice
from domain.ports import AuditStore
from domain.signs import RequestCounts, Sign


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How many ended well and badly: of one tenant, or through one gateway row, by its id."""

    subject_id: str
    tenant_id: str | None
    good: int
    bad: int


@dataclass(frozen=True, slots=True)
class Ending:
    """Of one tenant, so many authorizations that are about to run out; the first one at `at`."""

    tenant_id: str
    count: int
    at: datetime


@dataclass(frozen=True, slots=True)
class EvidenceDue:
    """A dispute whose evidence is due at `at`."""

    tenant_id: str
    dispute_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Unsettled:
    """An operation whose outcome is unknown, sent first at `since`."""

    operation_id: str
    tenant_id: str
    since: datetime


class AlertFigures(Protocol):
    """What the measured rules look at: over all tenants, and of what is young enough to matter.
    Every call may raise DatabaseUnavailable."""

    async def payment_outcomes(self, since: datetime) -> Sequence[Outcomes]:
        """Of payments made since then: authorized or paid, and failed, by tenant."""
        ...

    async def refund_outcomes(self, since: datetime) -> Sequence[Outcomes]:
        """Payments made since then and captured, and, as `bad`, refunds made since then."""
        ...

    async def event_outcomes(self, since: datetime) -> tuple[int, int]:
        """Events that came since then: worked off; and given up or tried in vain three times."""
        ...

    async def gateway_outcomes(self, since: datetime) -> Sequence[Outcomes]:
        """Operations made and sent since then, by gateway row: answered, and of unknown outcome."""
        ...

    async def request_counts(self, since: datetime) -> RequestCounts: ...

    async def unsettled(self, before: datetime) -> Sequence[Unsettled]:
        """Operations of unknown outcome that were sent before then, oldest first, 100 at most."""
        ...

    async def signs(self) -> Sequence[Sign]:
        """Every process that has not ended on purpose."""
        ...

    async def authorizations_ending(self, until: datetime) -> Sequence[Ending]: ...

    async def evidence_due(self, since: datetime, until: datetime) -> Sequence[EvidenceDue]: ...

    async def given_up(self, since: datetime) -> Sequence[tuple[str, int]]:
        """How many notices were given up, by channel, of those made since then."""
        ...


class AlertRoundStore(Protocol):
    """Alerts as the rounds change them. The changes return how many they changed."""

    async def see(self, alert: Alert) -> None:
        """Opens the alert, or notes that it was seen again at its `opened_at`."""
        ...

    async def close_unseen(self, rule: str, *, seen_before: datetime, now: datetime) -> int: ...

    async def close_settled(self, now: datetime) -> int:
        """Closes what is about something that is as it should be again."""
        ...

    async def lock_waiting(self) -> Sequence[Alert]:
        """Open alerts that nobody acknowledged, their rows locked; those that others hold are left
        to them."""
        ...

    async def escalate(self, alert: Alert) -> None: ...

    async def forget_signs(self, *, silent_since: datetime, counted_before: datetime) -> None:
        """Deletes the signs of processes that are silent for so long, and old counts."""
        ...


class NoticeStore(Protocol):
    """What is to be sent out."""

    async def lock_untold(self, limit: int) -> Sequence[Alert]:
        """Alerts of which something is to be told, oldest first, locked likewise."""
        ...

    async def add(self, notice: Notice, due_at: datetime) -> None:
        """Once for each alert, stage, escalation and channel; the same again is none."""
        ...

    async def note_told(self, alert_ids: Sequence[str]) -> None: ...

    async def claim_due(self, now: datetime, until: datetime, limit: int) -> Sequence[Notice]:
        """Notices that are due, which are ours until then."""
        ...

    async def delivered(self, notice: Notice, now: datetime) -> None: ...

    async def failed(self, notice: Notice, reason: str, due_at: datetime | None) -> None:
        """Due again then, or given up."""
        ...


class AlertDeskStore(Protocol):
    """One alert, as the platform's people take it on."""

    async def lock(self, alert_id: str) -> Alert:
        """Its row locked until the transaction ends. Raises NotFound."""
        ...

    async def save_acknowledged(self, alert: Alert) -> None: ...


class AlertWork(Protocol):
    """One transaction of the worker over all tenants."""

    @property
    def rounds(self) -> AlertRoundStore: ...
    @property
    def notices(self) -> NoticeStore: ...

    async def commit(self) -> None: ...


class AlertDatabase(Protocol):
    """Opens transactions of no tenant, in the worker's role."""

    def begin(self) -> AbstractAsyncContextManager[AlertWork]: ...


class AlertDeskWork(Protocol):
    """One transaction of the platform's people."""

    @property
    def alerts(self) -> AlertDeskStore: ...
    @property
    def audit(self) -> AuditStore: ...

    async def commit(self) -> None: ...


class AlertDesk(Protocol):
    """Opens transactions in the platform's own role."""

    def begin(self) -> AbstractAsyncContextManager[AlertDeskWork]: ...


class AlertReads(Protocol):
    """What the platform's people see. Every call may raise DatabaseUnavailable."""

    async def alerts(self, tenant_id: str | None, *, open_only: bool) -> Sequence[Alert]:
        """Of one tenant, or of all and of the platform: the most severe first, then the newest."""
        ...

    async def alerts_by_ids(self, ids: Sequence[str]) -> Sequence[Alert]: ...
