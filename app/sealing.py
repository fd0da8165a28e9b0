"""The worker's loop that seals the audit, and the log that keeps each chain's end elsewhere."""

from __future__ import annotations

import asyncio
import logging

from app.loops import pause
from domain.ports import DatabaseUnavailable
from domain.sealing import Sealer

SEAL_SECONDS = 60.0
"""How long an entry may wait for its seal."""

_log = logging.getLogger(__name__)


async def keep_sealed(
    sealer: Sealer, stop: asyncio.Event, *, every_seconds: float = SEAL_SECONDS
) -> None:
    """Seals what was committed, tenant by tenant, each minute, until `stop`. Raises
    DatabaseUnavailable."""
    while not stop.is_set():
        await seal_once(sealer, stop)
        await pause(stop, every_seconds)


async def seal_once(sealer: Sealer, stop: asyncio.Event) -> None:
    """One round over all tenants; it breaks off between two of them at `stop`. A chain that cannot
    be gone on with is logged and keeps no other tenant from its seals."""
    for tenant_id in await sealer.tenant_ids():
        if stop.is_set():
            return
        try:
            end = await sealer.seal(tenant_id)
        except DatabaseUnavailable:
            raise
        except Exception:  # noqa: BLE001 - the job runner: a tenant's fault stops no other
            _log.exception("audit of %s not sealed", tenant_id)
            continue
        if end is not None:
            # Whoever can rewrite the database cannot rewrite the log: `audit verify --noted`.
            _log.info("audit of %s sealed up to %d:%s", tenant_id, end.sequence, end.hash)
