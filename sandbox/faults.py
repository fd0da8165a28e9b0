"""The switchboard of faults: what goes wrong, for which calls or deliveries, and how often."""

import random
import re
from dataclasses import dataclass
from enum import StrEnum

from sandbox.errors import ApiError, lock_timeout, rate_limited, server_error
from sandbox.wire import Wire


class Kind(StrEnum):
    """What can go wrong; the names of the control route."""

    LATENCY = "latency"
    RATE_LIMIT = "rate_limit"
    LOCK_TIMEOUT = "lock_timeout"
    UNAVAILABLE = "unavailable"
    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    HANG_AFTER = "hang_after"
    GARBLED = "garbled"
    HTML = "html"
    IGNORE_KEYS = "ignore_keys"
    WEBHOOK_DOUBLE = "webhook_double"
    WEBHOOK_SHUFFLE = "webhook_shuffle"
    WEBHOOK_DELAY = "webhook_delay"
    WEBHOOK_LOSE = "webhook_lose"


WEBHOOK_KINDS = frozenset(kind for kind in Kind if kind.startswith("webhook_"))
BEFORE = frozenset(
    (Kind.RATE_LIMIT, Kind.LOCK_TIMEOUT, Kind.UNAVAILABLE, Kind.ERROR_BEFORE, Kind.DROP_BEFORE)
)
SECONDS_DEFAULT: dict[Kind, float] = {
    Kind.LATENCY: 1.0,
    Kind.HANG_AFTER: 30.0,
    Kind.WEBHOOK_DELAY: 5.0,
    Kind.WEBHOOK_SHUFFLE: 1.0,
}


@dataclass(slots=True)
class Fault:
    """One order; ``times`` None means until it is deleted, ``path`` and ``type`` match in full."""

    id: str
    kind: Kind
    method: str | None = None
    path: re.Pattern[str] | None = None
    type: re.Pattern[str] | None = None
    account: str | None = None
    times: int | None = 1
    seconds: float = 0.0
    probability: float = 1.0

    def render(self) -> Wire:
        """The order as the control route tells it."""
        return {
            "id": self.id,
            "kind": str(self.kind),
            "method": self.method,
            "path": self.path.pattern if self.path else None,
            "type": self.type.pattern if self.type else None,
            "account": self.account,
            "times": self.times,
            "seconds": self.seconds,
            "probability": self.probability,
        }


class Faults:
    """The faults in force, in the order in which they were ordered."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._faults: dict[str, Fault] = {}

    def order(self, fault: Fault) -> None:
        """Puts a fault in force."""
        self._faults[fault.id] = fault

    def all(self) -> list[Fault]:
        """All faults in force."""
        return list(self._faults.values())

    def withdraw(self, id_: str | None = None) -> bool:
        """Ends one fault, or all; answers whether there was one."""
        if id_ is None:
            self._faults.clear()
            return True
        return self._faults.pop(id_, None) is not None

    def strike_call(self, method: str, path: str, account: str) -> Fault | None:
        """The fault that hits this call, counted as used."""
        for fault in self._faults.values():
            if (
                fault.kind not in WEBHOOK_KINDS
                and fault.method in (None, method)
                and fault.account in (None, account)
                and (fault.path is None or fault.path.fullmatch(path))
                and self._happens(fault)
            ):
                return self._use(fault)
        return None

    def strike_delivery(self, type_: str, account: str) -> Fault | None:
        """The fault that hits this delivery, counted as used."""
        for fault in self._faults.values():
            if (
                fault.kind in WEBHOOK_KINDS
                and fault.account in (None, account)
                and (fault.type is None or fault.type.fullmatch(type_))
                and self._happens(fault)
            ):
                return self._use(fault)
        return None

    def _happens(self, fault: Fault) -> bool:
        return fault.probability >= 1.0 or self._chance.random() < fault.probability

    def _use(self, fault: Fault) -> Fault:
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                del self._faults[fault.id]
        return fault


def refusal(kind: Kind) -> ApiError:
    """The answer of a fault that strikes before anything is carried out."""
    if kind is Kind.RATE_LIMIT:
        return rate_limited()
    if kind is Kind.LOCK_TIMEOUT:
        return lock_timeout()
    return server_error(503 if kind is Kind.UNAVAILABLE else 500)
