"""How a gateway account may be configured: the form of the input, and what it changes. Pure.

A row stands for one account at the gateway and keeps its id as long as payments may refer to it:
another key of the same account goes into the same row, another account gets a row of its own, and
the row that is switched off still serves what was begun through it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.errors import Issue, ValidationFailed
from domain.fees import GatewayFeeSchedule
from domain.gateway import AccountFacts
from domain.gateway_profile import GatewayProfile, GatewaySecrets, hint
from domain.ids import Prefix, new_id
from domain.payment import GatewayType
from domain.tenant import GatewayMode

_SECRET_KEY = re.compile(r"(?:sk|rk)_(test|live)_[0-9A-Za-z_]{8,}", re.ASCII)
_WEBHOOK_SECRET = re.compile(r"whsec_[0-9A-Za-z+/=_-]{8,}", re.ASCII)
_ACCOUNT_ID = re.compile(r"acct_[0-9A-Za-z]{8,}", re.ASCII)
_FIELDS = {
    GatewayMode.PLATFORM: frozenset[str](),
    GatewayMode.OWN: frozenset({"secretKey", "webhookSecret"}),
    GatewayMode.CONNECT: frozenset({"accountId"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigureGateway:
    """How a tenant wants to be paid. In mode OWN the secrets may be left out where the tenant has
    such a row: then the stored ones stay."""

    gateway_type: GatewayType
    mode: GatewayMode
    is_enabled: bool
    secret_key: str | None = field(default=None, repr=False)
    webhook_secret: str | None = field(default=None, repr=False)
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One row as it was (None: there was none), as it is to be, and the secrets to store."""

    before: GatewayProfile | None
    after: GatewayProfile
    secrets: GatewaySecrets = field(default_factory=GatewaySecrets)


def check_form(command: ConfigureGateway, *, livemode: bool) -> None:
    """Raises ValidationFailed with every rule of form that is broken. `livemode` is the
    deployment's: a live key has no place among test keys, nor the reverse (docs.stripe.com/keys).
    """
    issues = [
        _issue(name, "FIELD_NOT_APPLICABLE", f"{name} has no meaning in mode {command.mode}.")
        for name, value in _given(command).items()
        if value is not None and name not in _FIELDS[command.mode]
    ]
    if command.mode is GatewayMode.OWN:
        issues += _secret_key_issues(command.secret_key, livemode=livemode)
        secret = command.webhook_secret
        if secret is not None and not _WEBHOOK_SECRET.fullmatch(secret):
            issues.append(
                _issue("webhookSecret", "WEBHOOK_SECRET_MALFORMED", "A secret reads whsec_….")
            )
    if command.mode is GatewayMode.CONNECT:
        issues += _account_issues(command.account_id)
    if issues:
        raise ValidationFailed(*issues)


def row_of(
    rows: Sequence[GatewayProfile],
    command: ConfigureGateway,
    facts: AccountFacts | None,
    *,
    livemode: bool,
) -> GatewayProfile | None:
    """The row that the command is about: that of the same account, or, where it names none, the
    one in use or used last."""
    same_mode = [
        row
        for row in rows
        if (row.gateway_type, row.mode, row.livemode)
        == (command.gateway_type, command.mode, livemode)
    ]
    if command.mode is GatewayMode.CONNECT:
        same_mode = [row for row in same_mode if row.account_id == command.account_id]
    if command.secret_key is not None and facts is not None:
        same_mode = [row for row in same_mode if row.key_account_id == facts.account_id]
    return max(same_mode, key=lambda row: (row.is_enabled, row.updated_at), default=None)


def changes(
    rows: Sequence[GatewayProfile],
    row: GatewayProfile | None,
    wanted: GatewayProfile,
    secrets: GatewaySecrets,
) -> list[Change]:
    """What is to be written, the rows that are switched off first: one at a time may be on."""
    off = [
        Change(other, replace(other, is_enabled=False, updated_at=wanted.updated_at))
        for other in rows
        if wanted.is_enabled
        and other.is_enabled
        and other.id != wanted.id
        and other.gateway_type is wanted.gateway_type
    ]
    unchanged = row is not None and wanted == replace(row, updated_at=wanted.updated_at)
    if unchanged and not secrets.replaced:
        return off
    return [*off, Change(row, wanted, secrets)]


def wanted_row(
    row: GatewayProfile | None,
    command: ConfigureGateway,
    facts: AccountFacts | None,
    schedule: GatewayFeeSchedule,
    *,
    tenant_id: str,
    livemode: bool,
    now: datetime,
) -> GatewayProfile:
    """The row as the command wants it; a new one where there is none."""
    fresh = row or GatewayProfile(
        id=new_id(Prefix.GATEWAY),
        tenant_id=tenant_id,
        gateway_type=command.gateway_type,
        mode=command.mode,
        livemode=livemode,
        is_enabled=False,
        fee_schedule=schedule,
        account_id=command.account_id,
        created_at=now,
        updated_at=now,
    )
    is_own = command.mode is GatewayMode.OWN
    return replace(
        fresh,
        is_enabled=command.is_enabled,
        key_account_id=facts.account_id if facts and is_own else fresh.key_account_id,
        secret_key_hint=hint(command.secret_key) or fresh.secret_key_hint,
        webhook_secret_hint=hint(command.webhook_secret) or fresh.webhook_secret_hint,
        updated_at=now,
    )


def check_claim(
    command: ConfigureGateway,
    facts: AccountFacts,
    row: GatewayProfile | None,
    *,
    tenant_id: str,
    platform_account_id: str,
    by_platform: bool,
) -> None:
    """Raises ValidationFailed unless the account is this tenant's to use.

    Whoever has a key of an account has the account; a connected account is used with the platform's
    key, so that its id, which is no secret, proves nothing. The platform says whose it is: by the
    account's metadata, or by acting in the tenant (`by_platform`) where these name nobody. The
    platform's own account is for mode PLATFORM. That an account serves no second tenant is held by
    the database.
    """
    is_named = command.account_id in (None, facts.account_id)
    if not is_named or facts.account_id == platform_account_id:
        raise refused(command)
    if command.mode is not GatewayMode.CONNECT or facts.tenant_id == tenant_id:
        return
    if facts.tenant_id is not None or not (by_platform or row is not None):
        raise refused(command)


def refused(command: ConfigureGateway, permission: str | None = None) -> ValidationFailed:
    """The gateway does not take the key, or the account is not there for this tenant. An account
    of another tenant gives the same answer as one that does not exist."""
    if command.mode is GatewayMode.CONNECT:
        message = (
            "No such account is connected to this platform for this tenant: the platform says whose"
            " it is by the account's metadata tollgate_tenant_id."
        )
        return ValidationFailed(_issue("accountId", "CREDENTIALS_REFUSED", message))
    if permission is not None:
        message = f"The key may not read its own account: it needs the permission {permission}."
        return ValidationFailed(_issue("secretKey", "KEY_PERMISSION_MISSING", message))
    message = (
        "The key cannot be used: it must be in force, of an account that is neither the platform's"
        " nor another tenant's, and able to read that account."
    )
    return ValidationFailed(_issue("secretKey", "CREDENTIALS_REFUSED", message))


def cannot_charge(command: ConfigureGateway) -> ValidationFailed:
    """The account exists, and the gateway lets it take no payments yet, or no longer."""
    name = "accountId" if command.mode is GatewayMode.CONNECT else "secretKey"
    message = "The gateway does not let this account take payments."
    return ValidationFailed(_issue(name, "ACCOUNT_CANNOT_CHARGE", message))


def key_missing() -> ValidationFailed:
    """Mode OWN without a key, given or stored."""
    return ValidationFailed(
        _issue("secretKey", "SECRET_KEY_REQUIRED", "Mode OWN needs the account's secret key.")
    )


def _given(command: ConfigureGateway) -> dict[str, str | None]:
    return {
        "secretKey": command.secret_key,
        "webhookSecret": command.webhook_secret,
        "accountId": command.account_id,
    }


def _secret_key_issues(secret_key: str | None, *, livemode: bool) -> list[Issue]:
    if secret_key is None:
        return []
    form = _SECRET_KEY.fullmatch(secret_key)
    if form is None:
        return [_issue("secretKey", "SECRET_KEY_MALFORMED", "A key reads sk_… or rk_….")]
    if (form[1] == "live") is not livemode:
        ours = "live" if livemode else "test"
        return [_issue("secretKey", "SECRET_KEY_WRONG_MODE", f"Only {ours} keys are taken here.")]
    return []


def _account_issues(account_id: str | None) -> list[Issue]:
    if account_id is None:
        return [_issue("accountId", "ACCOUNT_ID_REQUIRED", "Mode CONNECT needs the account's id.")]
    if not _ACCOUNT_ID.fullmatch(account_id):
        return [_issue("accountId", "ACCOUNT_ID_MALFORMED", "An account's id reads acct_….")]
    return []


def _issue(name: str, rule: str, message: str) -> Issue:
    return Issue(("input", name), rule, message)
