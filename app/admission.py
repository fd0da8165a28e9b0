"""Who may come in: a good token, not revoked, of a tenant that is not switched off.

The platform's own people act within one tenant a request, which they name in a header, with the
reason for it in another. A tenant that is switched off lets them in all the same: they repair it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from starlette.requests import Request

from app.auth import Token, TokenVerifier
from app.logging import redacted
from app.refusal import Refusal
from app.remembered import Remembered
from app.request_id import request_id_of
from domain.caller import Caller, Role
from domain.errors import Forbidden, Unauthenticated
from domain.ports import Reads
from domain.tenant import Tenant
from schema.card_data import card_data_at, refusal_at
from schema.codes import RequestErrorCode

REMEMBERED_SECONDS = 4.0
"""How long a token's and a tenant's state are remembered: so much longer a revoked token or a
switched-off tenant may still call, and never 5 s."""

TENANT_HEADER = "Tollgate-Tenant"
REASON_HEADER = "Tollgate-Reason"
REASON_LENGTH_MAX = 200


class Revocations(Protocol):
    """Tokens that were revoked before their end."""

    async def is_revoked(self, token_id: str) -> bool: ...


class PlatformReads(Protocol):
    """What the platform's people may read across tenants."""

    async def tenant_named(self, id_or_slug: str) -> Tenant | None: ...


class Door(Protocol):
    """Where a request comes in."""

    async def admit(self, request: Request) -> Caller: ...


class Admission:
    """Implements `Door`: turns a request into its caller."""

    def __init__(
        self,
        verifier: TokenVerifier,
        reads: Reads,
        revocations: Revocations,
        platform: PlatformReads,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._verifier = verifier
        self._reads = reads
        self._platform = platform
        self._is_revoked = Remembered(revocations.is_revoked, seconds=REMEMBERED_SECONDS, now=now)
        self._is_active = Remembered(self._tenant_is_active, seconds=REMEMBERED_SECONDS, now=now)

    async def admit(self, request: Request) -> Caller:
        """The caller.

        Raises Unauthenticated, also for a tenant that is switched off or is not the token's;
        Forbidden for who may name no tenant; Refusal for headers that name none; KeysUnavailable
        and DatabaseUnavailable.
        """
        token = await self._verifier.verify(_only(request, "Authorization"))
        if await self._is_revoked.get(token.id):
            raise Unauthenticated
        tenant_id, reason = token.tenant_id, None
        if tenant_id is not None and not await self._is_active.get(tenant_id):
            raise Unauthenticated
        if {TENANT_HEADER.lower(), REASON_HEADER.lower()} & set(request.headers.keys()):
            tenant_id, reason = await self._acting(request, token)
        return Caller(
            subject=token.subject,
            tenant_id=tenant_id,
            roles=token.roles,
            expires_at=token.expires_at,
            request_id=request_id_of(request.scope),
            ip_address=request.client.host if request.client else None,
            order_id=token.order_id,
            reason=reason,
        )

    async def _acting(self, request: Request, token: Token) -> tuple[str, str]:
        """The tenant that the platform's people act in, and why."""
        if Role.PLATFORM_ADMIN not in token.roles:
            if {token.tenant_id} != {*request.headers.getlist(TENANT_HEADER), token.tenant_id}:
                raise Unauthenticated  # a token of one tenant, brought to another
            raise Forbidden(f"Only PLATFORM_ADMIN may send {TENANT_HEADER} or {REASON_HEADER}.")
        named = _only_text(request, TENANT_HEADER)
        reason = _only_text(request, REASON_HEADER)
        _check_reason(reason)
        tenant = await self._platform.tenant_named(named)
        if tenant is None:
            raise Refusal(400, f"{TENANT_HEADER} names no tenant.")
        return tenant.id, reason

    async def _tenant_is_active(self, tenant_id: str) -> bool:
        tenant = await self._reads.tenant(tenant_id)
        return tenant is not None and tenant.is_active


def _only(request: Request, name: str) -> str | None:
    """The header's one value. Raises Unauthenticated when it is there twice."""
    values = request.headers.getlist(name)
    if len(values) > 1:
        raise Unauthenticated
    return values[0] if values else None


def _check_reason(reason: str) -> None:
    """The audit keeps it for ever. Raises Refusal for what is too long or must not be there."""
    if len(reason) > REASON_LENGTH_MAX:
        raise Refusal(400, f"{REASON_HEADER} has at most {REASON_LENGTH_MAX} characters.")
    if card_data_at(reason, REASON_HEADER):
        raise Refusal(400, refusal_at(REASON_HEADER), RequestErrorCode.CARD_DATA_FORBIDDEN)
    if redacted(reason) != reason:
        raise Refusal(400, f"{REASON_HEADER} holds a secret or an e-mail address: name a ticket.")


def _only_text(request: Request, name: str) -> str:
    """The header's one value as UTF-8 text without control characters. Raises Refusal."""
    values = request.headers.getlist(name)
    try:
        text = values[0].encode("latin-1").decode().strip() if len(values) == 1 else ""
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable():
        raise Refusal(400, f"Send one {TENANT_HEADER} and one {REASON_HEADER}, as text.")
    return text
