"""The control routes of the sandbox, as a test orders them."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp

T = TypeVar("T")


class Control:
    """`/_sandbox` over HTTP."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session

    async def _send(self, method: str, path: str, **options: Any) -> Any:
        address = f"{self.url}/_sandbox/{path}"
        async with self.session.request(method, address, **options) as answer:
            text = await answer.text()
            assert answer.status < 300, f"{method} {path}: {answer.status} {text}"
            return await answer.json()

    async def health(self) -> Any:
        """{"status": "ok"} once the sandbox answers."""
        return await self._send("GET", "health")

    async def reset(self) -> None:
        """Forget everything, the clock and the faults included."""
        await self._send("POST", "reset")

    async def authenticate(self, intent: str, outcome: str = "succeed") -> None:
        """Finish 3-D Secure: succeed or fail."""
        await self._send(
            "POST", f"payment_intents/{intent}/authenticate", json={"outcome": outcome}
        )

    async def expire(self, intent: str) -> None:
        """Let an authorization expire."""
        await self._send("POST", f"payment_intents/{intent}/expire")

    async def process(self, intent: str, outcome: str) -> None:
        """End a processing intent: succeed or fail."""
        await self._send("POST", f"payment_intents/{intent}/process", json={"outcome": outcome})

    async def dispute(self, charge: str, **details: Any) -> Any:
        """Open a dispute; answers with the dispute."""
        return await self._send("POST", f"charges/{charge}/dispute", json=details)

    async def decide(self, dispute: str, status: str, **details: Any) -> None:
        """Move a dispute to a status."""
        await self._send("POST", f"disputes/{dispute}", json={"status": status, **details})

    async def settle_refund(self, refund: str, status: str, **details: Any) -> None:
        """Settle a pending refund, or fail a succeeded one late."""
        await self._send("POST", f"refunds/{refund}", json={"status": status, **details})

    async def order_fault(self, kind: str, **details: Any) -> str:
        """Order a fault; answers with its id."""
        fault = await self._send("POST", "faults", json={"kind": kind, **details})
        return str(fault["id"])

    async def faults(self) -> Any:
        """The faults in force."""
        return await self._send("GET", "faults")

    async def clear_faults(self, fault: str | None = None) -> None:
        """Withdraw one fault, or all."""
        await self._send("DELETE", f"faults/{fault}" if fault else "faults")

    async def ledger(self, account: str | None = None) -> Any:
        """What really happened, of one account or of all."""
        return await self._send("GET", "ledger", params={"account": account} if account else {})

    async def deliveries(self) -> Any:
        """Every webhook delivery that was tried."""
        answer = await self._send("GET", "deliveries")
        return answer["deliveries"] if isinstance(answer, dict) else answer

    async def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward."""
        await self._send("POST", "clock", json={"advance": seconds})


async def eventually(
    look: Callable[[], Awaitable[T]], holds: Callable[[T], bool], seconds: float = 5.0
) -> T:
    """What `look` brings once `holds` is true of it; fails with the last look after `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        seen = await look()
        if holds(seen):
            return seen
        assert asyncio.get_running_loop().time() < deadline, f"still {seen!r} after {seconds} s"
        await asyncio.sleep(0.02)


def exactly(path: str) -> str:
    """A fault's path pattern for this very path."""
    return re.escape(path)
