"""Who may come in: a good token of a tenant that is not switched off."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.requests import Request

from app.auth import TokenVerifier
from app.request_id import request_id_of
from domain.caller import Caller
from domain.errors import Forbidden, Unauthenticated
from domain.ports import Reads

TENANT_SECONDS = 5.0
"""How long a tenant's state is remembered, and so how long a switched-off tenant may still call."""

TENANTS_KEPT = 10_000


class Admission:
    """Turns a request into its caller."""

    def __init__(
        self, verifier: TokenVerifier, reads: Reads, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._verifier = verifier
        self._reads = reads
        self._now = now
        self._known: dict[str, tuple[float, bool]] = {}

    async def admit(self, request: Request) -> Caller:
        """The caller. Raises Unauthenticated, or Forbidden for a tenant that is switched off."""
        headers = request.headers.getlist("authorization")
        if len(headers) > 1:
            raise Unauthenticated
        caller = self._verifier.verify(
            headers[0] if headers else None,
            request_id=request_id_of(request.scope),
            ip_address=request.client.host if request.client else None,
        )
        if caller.tenant_id is not None and not await self._is_active(caller.tenant_id):
            raise Forbidden("This tenant is switched off.")
        return caller

    async def _is_active(self, tenant_id: str) -> bool:
        known = self._known.get(tenant_id)
        if known is not None and self._now() < known[0]:
            return known[1]
        tenant = await self._reads.tenant(tenant_id)
        if tenant is None:
            raise Unauthenticated
        if len(self._known) >= TENANTS_KEPT:
            self._known.clear()
        self._known[tenant_id] = (self._now() + TENANT_SECONDS, tenant.is_active)
        return tenant.is_active
