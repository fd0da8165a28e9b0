"""The sandbox's control routes, for tests that order faults and ask the judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp


class SandboxControl:
    """Speaks to `/_sandbox` of a running sandbox."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/_sandbox"

    async def fault(self, kind: str, **order: object) -> None:
        """Orders a fault for the next matching requests."""
        await self._post("/faults", {"kind": kind, **order})

    async def authenticate(self, gateway_payment_id: str, outcome: str = "succeed") -> None:
        """Finishes 3-D Secure."""
        await self._post(
            f"/payment_intents/{gateway_payment_id}/authenticate", {"outcome": outcome}
        )

    async def expire(self, gateway_payment_id: str) -> None:
        """Lets an authorization run out."""
        await self._post(f"/payment_intents/{gateway_payment_id}/expire", {})

    async def end_refund(self, gateway_refund_id: str, status: str) -> None:
        """Settles a pending refund, or fails one late."""
        await self._post(f"/refunds/{gateway_refund_id}", {"status": status})

    async def ledger(self) -> dict[str, Any]:
        """What really happened."""
        async with aiohttp.ClientSession() as http, http.get(f"{self._url}/ledger") as answer:
            answer.raise_for_status()
            return dict(await answer.json())

    async def _post(self, path: str, body: Mapping[str, object]) -> None:
        async with (
            aiohttp.ClientSession() as http,
            http.post(self._url + path, json=dict(body)) as answer,
        ):
            assert answer.status < 300, await answer.text()
