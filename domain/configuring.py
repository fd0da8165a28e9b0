"""configurePaymentGateway: whose account takes a tenant's money, tried before it is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.audit import AuditEntry
from domain.caller import Actor
from domain.errors import (
    AttemptedOperation,
    GatewayProblem,
    GatewayRefused,
    GatewayUnauthorized,
    GatewayUnavailable,
    InvalidState,
    NotFound,
)
from domain.fees import GatewayFeeSchedule
from domain.gateway import AccountFacts, PaymentGateway
from domain.gateway_profile import (
    AccountTaken,
    GatewayDatabase,
    GatewayProfile,
    GatewaySecrets,
    GatewayWork,
)
from domain.gateway_rules import (
    Change,
    ConfigureGateway,
    cannot_charge,
    changes,
    check_form,
    key_missing,
    refused,
    row_of,
    wanted_row,
)
from domain.ids import Prefix, new_id
from domain.ports import Clock
from domain.tenant import GatewayAccount, GatewayMode

TRY_SECONDS = 10.0
"""How long an administrator waits for the gateway's word on a key."""


@dataclass(frozen=True, slots=True)
class ShownGateway:
    """A gateway account and the URL to which the gateway sends its events."""

    profile: GatewayProfile
    webhook_url: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What is tried: the account with its credentials; `row` where it is one that is stored."""

    account: GatewayAccount
    row: GatewayProfile | None


class GatewayService:
    """Shows and changes how a tenant is paid. `public_url` is where the gateway reaches us."""

    def __init__(
        self, database: GatewayDatabase, gateway: PaymentGateway, clock: Clock, public_url: str
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._clock = clock
        self._public_url = public_url.rstrip("/")

    async def of_tenant(self, tenant_id: str) -> Sequence[ShownGateway]:
        """The tenant's gateway accounts, oldest first, those that are switched off too."""
        async with self._database.begin(tenant_id) as work:
            return [self._shown(row) for row in await work.gateways.of_tenant(tenant_id)]

    async def configure(
        self, actor: Actor, tenant_id: str, command: ConfigureGateway
    ) -> ShownGateway:
        """Stores the account and switches it on, or off; the one in use before is switched off.

        A key or a connected account is tried at the gateway first, with no transaction open.
        Raises ValidationFailed, InvalidState, NotFound, and GatewayUnavailable; each of them
        before anything is written.
        """
        livemode = self._gateway.livemode
        check_form(command, livemode=livemode)
        candidate = await self._candidate(tenant_id, command)
        facts = await self._try(command, candidate)
        try:
            async with self._database.begin(tenant_id) as work:
                row = await self._write(work, actor, tenant_id, command, candidate, facts)
                await work.commit()
        except AccountTaken as taken:
            raise refused(command) from taken
        return self._shown(row)

    async def _candidate(self, tenant_id: str, command: ConfigureGateway) -> _Candidate:
        async with self._database.begin(tenant_id) as work:
            schedule = await self._schedule(work, tenant_id, command)
            rows = await work.gateways.of_tenant(tenant_id)
            row = row_of(rows, command, None, livemode=self._gateway.livemode)
            secret_key = command.secret_key
            if command.mode is GatewayMode.OWN and secret_key is None:
                if row is None:
                    raise key_missing()
                stored = await work.tenants.gateway_by_id(row.id)
                secret_key = stored.secret_key if stored else None
                if secret_key is None and command.is_enabled:
                    raise _unreadable()
        account = GatewayAccount(
            id=row.id if row else "",
            tenant_id=tenant_id,
            gateway_type=command.gateway_type,
            mode=command.mode,
            livemode=self._gateway.livemode,
            is_enabled=command.is_enabled,
            fee_schedule=schedule,
            account_id=command.account_id,
            secret_key=secret_key,
        )
        return _Candidate(account, row)

    async def _try(self, command: ConfigureGateway, candidate: _Candidate) -> AccountFacts | None:
        """The gateway's word on what is new, or is to be used; None where there is no question."""
        is_known = candidate.row is not None and command.secret_key is None
        if command.mode is GatewayMode.PLATFORM or (is_known and not command.is_enabled):
            return None
        try:
            facts = await self._gateway.check_account(
                candidate.account, timeout_seconds=TRY_SECONDS
            )
        except (GatewayRefused, GatewayUnauthorized) as problem:
            raise refused(command) from problem
        except GatewayProblem as problem:
            raise GatewayUnavailable(
                "The gateway could not be asked about the account; nothing was changed."
            ) from problem
        if command.account_id not in (None, facts.account_id):
            raise refused(command)
        if command.is_enabled and not facts.charges_enabled:
            raise cannot_charge(command)
        return facts

    async def _write(
        self,
        work: GatewayWork,
        actor: Actor,
        tenant_id: str,
        command: ConfigureGateway,
        candidate: _Candidate,
        facts: AccountFacts | None,
    ) -> GatewayProfile:
        now, livemode = self._clock.now(), self._gateway.livemode
        await work.gateways.lock_all(tenant_id, command.gateway_type)
        rows = await work.gateways.of_tenant(tenant_id)
        row = row_of(rows, command, facts, livemode=livemode)
        if command.mode is GatewayMode.OWN and command.secret_key is None:
            _check_unmoved(row, candidate.row)
        wanted = wanted_row(
            row,
            command,
            facts,
            candidate.account.fee_schedule,
            tenant_id=tenant_id,
            livemode=livemode,
            now=now,
        )
        secrets = GatewaySecrets(command.secret_key, command.webhook_secret)
        for change in changes(rows, row, wanted, secrets):
            await _store(work, change)
            await work.audit.append(_entry(change, actor, now))
        return wanted

    async def _schedule(
        self, work: GatewayWork, tenant_id: str, command: ConfigureGateway
    ) -> GatewayFeeSchedule:
        if await work.tenants.find(tenant_id) is None:
            raise NotFound(tenant_id)
        platform = await work.tenants.platform_gateway(
            command.gateway_type, livemode=self._gateway.livemode
        )
        return platform.fee_schedule

    def _shown(self, row: GatewayProfile) -> ShownGateway:
        return ShownGateway(row, self._public_url + row.webhook_path)


async def _store(work: GatewayWork, change: Change) -> None:
    if change.before is None:
        await work.gateways.add(change.after, change.secrets)
    else:
        await work.gateways.save(change.after, change.secrets)


def _entry(change: Change, actor: Actor, now: datetime) -> AuditEntry:
    before, after = change.before, change.after
    verb = "changed"
    if before is None or before.is_enabled is not after.is_enabled:
        verb = "enabled" if after.is_enabled else "disabled" if before else "added"
    return AuditEntry(
        id=new_id(Prefix.AUDIT_ENTRY),
        tenant_id=after.tenant_id,
        at=now,
        actor=actor,
        action=f"gateway.{verb}",
        subject_id=after.id,
        before=None if before is None else _picture(before),
        after=_picture(after) | {"replaced": change.secrets.replaced},
    )


def _picture(row: GatewayProfile) -> dict[str, object]:
    return {
        "gateway_type": row.gateway_type.value,
        "mode": row.mode.value,
        "livemode": row.livemode,
        "is_enabled": row.is_enabled,
        "account_id": row.account_id,
        "key_account_id": row.key_account_id,
        "secret_key_hint": row.secret_key_hint,
        "webhook_secret_hint": row.webhook_secret_hint,
    }


def _unreadable() -> InvalidState:
    return InvalidState(
        "The stored key cannot be read; give it again.",
        detail_code="CREDENTIALS_UNREADABLE",
        attempted=AttemptedOperation.CONFIGURE,
    )


def _check_unmoved(row: GatewayProfile | None, tried: GatewayProfile | None) -> None:
    """The stored key that was tried must still be the one that is stored."""
    if row is None or tried is None or (row.id, row.updated_at) != (tried.id, tried.updated_at):
        raise InvalidState(
            "The gateway was changed by another call meanwhile.",
            detail_code="GATEWAY_CHANGED",
            attempted=AttemptedOperation.CONFIGURE,
            retryable=True,
        )
