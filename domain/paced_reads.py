"""Reads of the gateway on behalf of events: shared by those that wait for the same, and paced.

Many events of one payment come at once, and each of them asks for the same object. One read serves
every event that was claimed before it began: what the gateway says then cannot be older than what
any of those events tells. An event that was claimed later needs a later read, and waits until the
one under way has ended, so that all who come meanwhile share the next.

Nor may it be older than what is recorded. Who found the payment at another version than the one for
whom the read was begun asks by itself: the payment may have moved since that read, by a newer word
of the gateway, and the version that guards the commit would not tell, being the newer one already.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from domain.errors import GatewayUnreached
from domain.gateway import AccountFacts, GatewayReader
from domain.snapshot import DisputeSnapshot, IntentSnapshot, RefundSnapshot
from domain.tenant import GatewayAccount, GatewayMode

READS_PER_SECOND = 60
"""How often one gateway account is read in a second by one process. Stripe limits an account to 100
calls a second in live mode (docs.stripe.com/rate-limits); the rest is left to the mutations."""

WAIT_SECONDS_MAX = 5.0
"""How long a read may wait for its turn: with the read itself, well below an event's lease."""

_ACCOUNTS_MAX = 1000

T = TypeVar("T")

_Key = tuple[str, str, str, int | None]
"""The row, the account that the read counts against, what is read, and the version of what it will
be compared with."""


class Pace:
    """Turns of equal distance, one queue an account: first come, first served."""

    def __init__(
        self,
        per_second: float = READS_PER_SECOND,
        *,
        wait_seconds_max: float = WAIT_SECONDS_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._distance = 1 / per_second
        self._wait_max = wait_seconds_max
        self._clock = clock
        self._free_at: dict[str, float] = {}

    def seconds_to_wait(self, account: str) -> float:
        """Takes the account's next turn; it comes in so many seconds. Raises GatewayUnreached,
        and takes none, when that is too long."""
        now = self._clock()
        turn = max(now, self._free_at.get(account, now))
        if turn - now > self._wait_max:
            raise GatewayUnreached("too many reads of this account are waiting")
        if len(self._free_at) > _ACCOUNTS_MAX:
            self._free_at = {name: at for name, at in self._free_at.items() if at > now}
        self._free_at[account] = turn + self._distance
        return turn - now


@dataclass(slots=True)
class _Read:
    """A read; `began` is None while it waits for the one before it, or for its turn."""

    task: asyncio.Task[object]
    began: float | None = None


class SharedReads:
    """The reads of a process. `since` gives an event its view of them."""

    def __init__(self, gateway: GatewayReader, pace: Pace | None = None) -> None:
        self.gateway = gateway
        self._pace = pace or Pace()
        self._newest: dict[_Key, _Read] = {}
        self._tasks: set[asyncio.Task[object]] = set()

    def since(self, moment: float, *, version: int | None = None) -> PacedReads:
        """Reads that begin no earlier than this moment of the monotonic clock. `version` is that of
        the payment which they are to be recorded for: as it was found, before the first of them."""
        return PacedReads(self, moment, version)

    async def once(
        self,
        account: GatewayAccount,
        name: str,
        ask: Callable[[], Awaitable[T]],
        since: float,
        version: int | None = None,
    ) -> T:
        """What `ask` brings, asked once for all who wait for the same and may share it.

        Whoever gives up waiting leaves the read to the others. Raises GatewayProblem.
        """
        key = (account.id, _whose(account), name, version)
        read = self._newest.get(key)
        if read is None or (read.began is not None and read.began < since):
            read = self._added(key, ask, before=read)
        # One type a name: the cast is safe, as names are made in one place, below.
        return cast(T, await asyncio.shield(read.task))

    def _added(self, key: _Key, ask: Callable[[], Awaitable[T]], *, before: _Read | None) -> _Read:
        _, whose, name, _ = key

        async def run() -> object:
            if before is not None:
                await asyncio.wait({before.task})
            await asyncio.sleep(self._pace.seconds_to_wait(whose))
            read.began = time.monotonic()
            return await ask()

        def ended(task: asyncio.Task[object]) -> None:
            self._tasks.discard(task)
            if self._newest.get(key) is read:
                del self._newest[key]
            if not task.cancelled():
                task.exception()  # looked at, should nobody be waiting any more

        read = _Read(asyncio.create_task(run(), name=f"read of {name}"))
        self._newest[key] = read
        self._tasks.add(read.task)
        read.task.add_done_callback(ended)
        return read


@dataclass(frozen=True, slots=True)
class PacedReads:
    """Implements `domain.gateway.GatewayReader` for one event."""

    shared: SharedReads
    moment: float
    version: int | None = None

    async def read_intent(
        self, account: GatewayAccount, gateway_payment_id: str, *, timeout_seconds: float
    ) -> IntentSnapshot:
        async def ask() -> IntentSnapshot:
            return await self.shared.gateway.read_intent(
                account, gateway_payment_id, timeout_seconds=timeout_seconds
            )

        return await self._once(account, f"intent {gateway_payment_id}", ask)

    async def read_refund(
        self, account: GatewayAccount, gateway_refund_id: str, *, timeout_seconds: float
    ) -> RefundSnapshot:
        async def ask() -> RefundSnapshot:
            return await self.shared.gateway.read_refund(
                account, gateway_refund_id, timeout_seconds=timeout_seconds
            )

        return await self._once(account, f"refund {gateway_refund_id}", ask)

    async def list_refunds(
        self, account: GatewayAccount, gateway_payment_id: str, *, timeout_seconds: float
    ) -> Sequence[RefundSnapshot]:
        async def ask() -> Sequence[RefundSnapshot]:
            return await self.shared.gateway.list_refunds(
                account, gateway_payment_id, timeout_seconds=timeout_seconds
            )

        return await self._once(account, f"refunds of {gateway_payment_id}", ask)

    async def read_dispute(
        self, account: GatewayAccount, gateway_dispute_id: str, *, timeout_seconds: float
    ) -> DisputeSnapshot:
        async def ask() -> DisputeSnapshot:
            return await self.shared.gateway.read_dispute(
                account, gateway_dispute_id, timeout_seconds=timeout_seconds
            )

        return await self._once(account, f"dispute {gateway_dispute_id}", ask)

    async def list_disputes(
        self, account: GatewayAccount, gateway_payment_id: str, *, timeout_seconds: float
    ) -> Sequence[DisputeSnapshot]:
        async def ask() -> Sequence[DisputeSnapshot]:
            return await self.shared.gateway.list_disputes(
                account, gateway_payment_id, timeout_seconds=timeout_seconds
            )

        return await self._once(account, f"disputes of {gateway_payment_id}", ask)

    async def check_account(
        self, account: GatewayAccount, *, timeout_seconds: float
    ) -> AccountFacts:
        async def ask() -> AccountFacts:
            return await self.shared.gateway.check_account(account, timeout_seconds=timeout_seconds)

        return await self._once(account, "account", ask)

    async def _once(self, account: GatewayAccount, name: str, ask: Callable[[], Awaitable[T]]) -> T:
        return await self.shared.once(account, name, ask, self.moment, self.version)


def _whose(account: GatewayAccount) -> str:
    """The gateway account that the read counts against; all tenants of mode PLATFORM share one."""
    if account.mode is GatewayMode.PLATFORM:
        return "platform"
    return account.account_id or account.id
