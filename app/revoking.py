"""Revoking a token: what `tollgate token revoke` does, and what it writes down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from app.admission import REASON_LENGTH_MAX
from app.auth import TokenVerifier, is_token_id
from app.database import command_engine
from app.jwks import Jwks, KeysUnavailable
from app.logging import redacted
from app.settings import Settings
from db.platform_reads import SqlPlatformReads
from db.revocations import SqlRevocations
from db.roles import DatabaseRole
from domain.audit import AuditEntry
from domain.caller import Actor, AuditActorType
from domain.card_numbers import shows_card_number
from domain.errors import Unauthenticated
from domain.ids import Prefix, new_id

ACTOR = Actor(AuditActorType.SYSTEM, "tollgate token revoke")


class CannotRevoke(Exception):
    """Raised when nothing was revoked; the text says why and shows no token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A token to refuse from now on. `token_id` is its jti or, without one, its digest; `tenant`
    is the id or the slug of the tenant whose audit hears of it, None for the platform's tokens."""

    token_id: str
    expires_at: datetime
    tenant: str | None
    details: Mapping[str, object]


async def of_token(settings: Settings, token: str) -> Revocation:
    """What revokes this token. Raises CannotRevoke for one that no API would take anyway."""
    remote = Jwks(settings.jwks_url) if settings.jwks_url else None
    try:
        found = await TokenVerifier(settings, remote).verify(f"Bearer {token}")
    except Unauthenticated:
        raise CannotRevoke(
            "This is no token that the API would take: it has ended, or is not signed with a key"
            " of these settings. To revoke it all the same, give --jti and --expires-at."
        ) from None
    except KeysUnavailable as away:
        raise CannotRevoke(f"{away}: give --jti and --expires-at instead of the token") from None
    return Revocation(
        token_id=found.id,
        expires_at=found.expires_at,
        tenant=found.tenant_id,
        details={"subject": found.subject, "roles": sorted(found.roles)},
    )


def of_id(token_id: str, expires_at: str, tenant: str | None) -> Revocation:
    """What revokes the token with this id. Raises CannotRevoke for what cannot be meant."""
    if not is_token_id(token_id):
        raise CannotRevoke("--jti is the token's own id, at most 255 characters")
    try:
        end = datetime.fromisoformat(expires_at)
    except ValueError:
        end = None
    if end is None or end.tzinfo is None:
        raise CannotRevoke("--expires-at is a time with its zone, 2026-12-31T00:00:00Z")
    if end <= datetime.now(UTC):
        raise CannotRevoke("--expires-at is past: the token has ended by itself")
    return Revocation(token_id=token_id, expires_at=end, tenant=tenant, details={})


def asked_for(
    token_id: str | None, expires_at: str | None, tenant: str | None
) -> Revocation | None:
    """What the options of the command name; None when they name nothing, so that the token itself
    is to be given. Raises CannotRevoke for half of them."""
    if token_id is not None and expires_at is not None:
        return of_id(token_id, expires_at, tenant)
    if (token_id, expires_at, tenant) != (None, None, None):
        raise CannotRevoke("--jti and --expires-at go together, and --tenant with them")
    return None


async def revoke(settings: Settings, revocation: Revocation, *, reason: str | None) -> None:
    """Writes the revocation and the tenant's audit entry in one commit. Every API refuses the token
    within `app.admission.REMEMBERED_SECONDS`.

    Raises CannotRevoke when no such tenant is there or the reason may not be kept, and
    DatabaseUnavailable.
    """
    if reason is not None and not may_be_kept(reason):
        raise CannotRevoke(
            f"--reason is a text of at most {REASON_LENGTH_MAX} characters, without secrets"
        )
    url = settings.database_url.get_secret_value()
    async with command_engine(url, DatabaseRole.PLATFORM, command="token revoke") as engine:
        entry = None
        if revocation.tenant is not None:
            tenant = await SqlPlatformReads(engine).tenant_named(revocation.tenant)
            if tenant is None:
                raise CannotRevoke("There is no such tenant.")
            entry = _entry(revocation, tenant.id, reason)
        await SqlRevocations(engine).revoke(revocation.token_id, revocation.expires_at, entry)


def may_be_kept(reason: str) -> bool:
    """Whether the audit may hold the reason for ever."""
    return (
        len(reason) <= REASON_LENGTH_MAX
        and reason.isprintable()
        and not shows_card_number(reason)
        and redacted(reason) == reason
    )


def _entry(revocation: Revocation, tenant_id: str, reason: str | None) -> AuditEntry:
    known = dict(revocation.details) | {
        "token_id": revocation.token_id,
        "expires_at": revocation.expires_at.isoformat(),
    }
    return AuditEntry(
        id=new_id(Prefix.AUDIT_ENTRY),
        tenant_id=tenant_id,
        at=datetime.now(UTC),
        actor=ACTOR,
        action="token.revoked",
        subject_id=tenant_id,
        before=None,
        after=known if reason is None else known | {"reason": reason},
    )
