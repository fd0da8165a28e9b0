"""configurePaymentGateway: whose account takes a tenant's money, tried before it is used.

Who may name which account, and why a row is an account, is in docs/adr/0009.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.caller import Actor
from domain.errors import (
    AttemptedOperation,
    GatewayProblem,
    GatewayRefused,
    GatewayRejected,
    GatewayUnauthorized,
    GatewayUnavailable,
    InvalidState,
    NotFound,
)
from domain.fees import GatewayFeeSchedule
from domain.gateway import AccountFacts, PaymentGateway
from domain.gateway_audit import gateway_entry
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
    check_claim,
    check_form,
    key_missing,
    refused,
    row_of,
    wanted_row,
)
from domain.ports import Clock
from domain.tenant import GatewayAccount, GatewayMode

TRY_SECONDS = 10.0
"""How long an administrator waits for the gateway's word on a key."""

_log = logging.getLogger(__name__)


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
        self._platform_account_id: str | None = None

    async def of_tenant(self, tenant_id: str) -> Sequence[ShownGateway]:
        """The tenant's gateway accounts, oldest first, those that are switched off too."""
        async with self._database.begin(tenant_id) as work:
            return [self._shown(row) for row in await work.gateways.of_tenant(tenant_id)]

    async def configure(
        self, actor: Actor, tenant_id: str, command: ConfigureGateway, *, by_platform: bool = False
    ) -> ShownGateway:
        """Stores the account and switches it on, or off; the one in use before is switched off.
        The same command again changes nothing. `by_platform`: the platform's people ask for it.

        A key or a connected account is tried at the gateway first, with no transaction open.
        Raises ValidationFailed, InvalidState, NotFound, GatewayUnavailable and GatewayRejected;
        each of them before anything is written.
        """
        livemode = self._gateway.livemode
        check_form(command, livemode=livemode)
        candidate = await self._candidate(tenant_id, command)
        facts = await self._try(command, candidate, tenant_id, by_platform=by_platform)
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

    async def _try(
        self,
        command: ConfigureGateway,
        candidate: _Candidate,
        tenant_id: str,
        *,
        by_platform: bool,
    ) -> AccountFacts | None:
        """The gateway's word on what is new, or is to be used; None where there is no question."""
        is_known = candidate.row is not None and command.secret_key is None
        if command.mode is GatewayMode.PLATFORM or (is_known and not command.is_enabled):
            return None
        platform_account_id = await self._platform_account(candidate.account)
        facts = await self._ask(candidate.account, command)
        check_claim(
            command,
            facts,
            candidate.row,
            tenant_id=tenant_id,
            platform_account_id=platform_account_id,
            by_platform=by_platform,
        )
        if command.is_enabled and not facts.charges_enabled:
            raise cannot_charge(command)
        return facts

    async def _platform_account(self, account: GatewayAccount) -> str:
        """The platform's own account at the gateway, asked for once."""
        if self._platform_account_id is None:
            platform = replace(account, mode=GatewayMode.PLATFORM, account_id=None, secret_key=None)
            self._platform_account_id = (await self._ask(platform, None)).account_id
        return self._platform_account_id

    async def _ask(self, account: GatewayAccount, command: ConfigureGateway | None) -> AccountFacts:
        """What the gateway says of the account; without a command, of the platform's own."""
        try:
            return await self._gateway.check_account(account, timeout_seconds=TRY_SECONDS)
        except (GatewayRefused, GatewayUnauthorized) as problem:
            permission = problem.permission if isinstance(problem, GatewayUnauthorized) else None
            if command is not None:
                raise refused(command, permission) from problem
            _log.error("the platform's own key was refused (permission: %s)", permission)
            raise GatewayRejected(
                "The gateway refuses the platform's own key; nothing was changed.",
                detail_code="PLATFORM_CREDENTIALS_REFUSED",
            ) from problem
        except GatewayProblem as problem:
            raise GatewayUnavailable(
                "The gateway could not be asked about the account; nothing was changed."
            ) from problem

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
        if row is not None and secrets.replaced:
            secrets = secrets.beside(await work.gateways.secrets(tenant_id, row.id))
        written = changes(rows, row, wanted, secrets)
        for change in written:
            await _store(work, change)
            await work.audit.append(
                gateway_entry(
                    change.before, change.after, actor, now, replaced=change.secrets.replaced
                )
            )
        return row if row is not None and not written else wanted

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
