"""Settings and clocks of the sandbox."""

import time
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return time.time()


@dataclass(slots=True)
class VirtualClock:
    """A clock that stands still until it is moved, for simulations that never sleep."""

    seconds: float = 1_800_000_000.0

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Moves the clock on by ``seconds``."""
        self.seconds += seconds


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """How the sandbox behaves; durations are in seconds of its own clock."""

    clock: Clock = field(default_factory=SystemClock)
    webhook_retry_seconds: tuple[float, ...] = (1, 5, 30, 300, 3600, 6 * 3600, 24 * 3600)
    """Wait before each repeated delivery; after the last the delivery is given up."""
    webhook_timeout_seconds: float = 10.0
    webhook_concurrency: int = 16
    """Deliveries under way at once."""
    balance_delay_seconds: float = 0.2
    """When the balance transaction of an asynchronous capture and ``charge.updated`` come."""
    refund_delay_seconds: float = 60.0
    """When a pending refund succeeds, or a refund of ``pm_card_refundFail`` fails, by itself."""
    evidence_delay_seconds: float = 5.0
    """When a dispute answered with Stripe's magic evidence is decided."""
    seed: int | None = None
    """Makes ids, chances and shuffles repeatable."""
