"""A round of the sealing of the audit, and the log that keeps each chain's end elsewhere."""

from __future__ import annotations

import asyncio
import logging

from domain.ports import DatabaseUnavailable
from domain.sealing import Sealer

SEAL_SECONDS = 60.0
"""How far apart two rounds are."""

_log = logging.getLogger(__name__)


async def seal_once(sealer: Sealer, stop: asyncio.Event) -> None:
    """One round over all tenants; it breaks off between two of them at `stop`. A chain that cannot
    be gone on with is logged and keeps no other tenant from its seals. Raises
    DatabaseUnavailable."""
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
