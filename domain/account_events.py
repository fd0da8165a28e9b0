"""Events about a gateway account: one that can take no charges any more is switched off.

The event is a hint here too. What it says is confirmed by a read, and it reaches the row that it
came in by alone. Nothing is ever switched on by an event: a person does that, who knows why.
"""

from __future__ import annotations

import time
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Protocol

from domain.alert_rules import AlertRule
from domain.alerting import open_alert
from domain.caller import Actor, AuditActorType
from domain.errors import GatewayRefused, GatewayUnauthorized, NotFound
from domain.event_ends import READS_MAX, Try, TryEnds, end_try, ended
from domain.gateway import GatewayReader
from domain.gateway_audit import gateway_entry
from domain.gateway_profile import GatewayProfile, GatewayStore
from domain.inbox import WebhookEvent, WebhookEventStatus
from domain.operation_reads import JOB_SECONDS
from domain.paced_reads import SharedReads
from domain.ports import Clock, Database, Work
from domain.tenant import GatewayAccount, GatewayMode

_DEAUTHORIZED = "account.application.deauthorized"


class AccountWork(Work, Protocol):
    """A transaction that also reaches the tenant's gateway accounts."""

    @property
    def gateways(self) -> GatewayStore: ...


class AccountDatabase(Database, Protocol):
    """Opens such transactions."""

    def begin(self, tenant_id: str) -> AbstractAsyncContextManager[AccountWork]: ...


class AccountEvents:
    """Follows the events about accounts."""

    def __init__(self, database: AccountDatabase, ends: TryEnds, clock: Clock) -> None:
        self._database = database
        self._ends = ends
        self._clock = clock

    async def follow(self, tried: Try, came_by: GatewayAccount, shared: SharedReads) -> None:
        """Ends the try: the account is switched off, or all is well with it. Raises GatewayProblem
        where it could not be read."""
        tenant_id = came_by.tenant_id
        if tenant_id is None:
            reason = "The platform's own account is switched off by its people alone."
            await self._ends.ignore(tried, reason)
            return
        tried = tried.of_tenant(tenant_id)
        for _ in range(READS_MAX):
            read = await self._row(tenant_id, came_by.id)
            # Not one that was under way: somebody may have mended the account since it began.
            fault = await _fault(tried.event, came_by, shared.since(time.monotonic()))
            if await self._record(tried, read, fault):
                return
        await self._ends.put_off(tried, "The account was changed with every read of the gateway.")

    async def _row(self, tenant_id: str, gateway_id: str) -> GatewayProfile:
        async with self._database.begin(tenant_id) as work:
            return await _find(work, tenant_id, gateway_id)

    async def _record(self, tried: Try, read: GatewayProfile, fault: str | None) -> bool:
        """One commit for the switch and the event's end; False, with nothing written, when
        somebody changed the account since it was read."""
        now = self._clock.now()
        async with self._database.begin(read.tenant_id) as work:
            await work.gateways.lock_all(read.tenant_id, read.gateway_type)
            row = await _find(work, read.tenant_id, read.id)
            if row.updated_at != read.updated_at:
                return False
            if not await end_try(
                work, tried, ended(tried.event, WebhookEventStatus.PROCESSED, now)
            ):
                return True
            if fault is not None and row.is_enabled:
                await work.gateways.switch_off(row.tenant_id, row.id, now)
                after = replace(row, is_enabled=False, updated_at=now)
                actor = Actor(AuditActorType.GATEWAY, tried.event.event_id)
                await work.audit.append(gateway_entry(row, after, actor, now))
                await open_alert(
                    work,
                    AlertRule.GATEWAY_DISABLED,
                    subject_id=row.id,
                    message=f"{fault} It is switched off until somebody configures it again.",
                    tenant_id=row.tenant_id,
                    now=now,
                )
            await work.commit()
        return True


async def _find(work: AccountWork, tenant_id: str, gateway_id: str) -> GatewayProfile:
    for row in await work.gateways.of_tenant(tenant_id):
        if row.id == gateway_id:
            return row
    raise NotFound(gateway_id)


async def _fault(event: WebhookEvent, came_by: GatewayAccount, reads: GatewayReader) -> str | None:
    """What is wrong with the account by the gateway's own word; None when it may take charges."""
    try:
        facts = await reads.check_account(came_by, timeout_seconds=JOB_SECONDS)
    except (GatewayRefused, GatewayUnauthorized) as problem:
        is_connected = came_by.mode is GatewayMode.CONNECT
        lacks_right = isinstance(problem, GatewayUnauthorized) and problem.permission is not None
        if event.event_type != _DEAUTHORIZED or not is_connected or lacks_right:
            raise
        # Were it our own key that is refused, every account would seem lost: then this raises.
        platform = replace(came_by, mode=GatewayMode.PLATFORM, account_id=None)
        await reads.check_account(platform, timeout_seconds=JOB_SECONDS)
        return "The account has taken back the platform's access to it."
    return None if facts.charges_enabled else "The gateway lets the account take no charges."
