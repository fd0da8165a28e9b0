"""What budgets cost a request: the same request with three budgets in Redis, and with none.

    python benchmarks/request_budgets.py [pairs]

The endpoint runs in this process over a shop in memory, Valkey beside it, so what differs is the
charge: one script, one round trip. Blocks of requests alternate between the two, and each pair
gives a ratio; their median is what to compare between machines. Beside it stand the same requests
while Redis is away, and a bare PING as the floor of a round trip.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from redis.asyncio import Redis

from app.budgets import Rates, redis_windows
from app.embedded.account import service_account
from app.embedded.folders import reachable_folder
from app.embedded.valkey import EmbeddedValkey
from tests.integration.app.budgeted import Front, a_tenant, a_token

BLOCK = 100
ENOUGH = 1_000_000_000
QUERY = "{ payments(first: 10) { nodes { id status } } viewer { id } }"
AWAY = "redis://127.0.0.1:1/0"


Times = tuple[float, float]


async def microseconds(ask: Callable[[], Awaitable[object]]) -> Times:
    """What one of a block takes: of this process's time on the processor, and by the clock."""
    worked, started = time.thread_time(), time.perf_counter()
    for _ in range(BLOCK):
        await ask()
    return (
        (time.thread_time() - worked) / BLOCK * 1e6,
        (time.perf_counter() - started) / BLOCK * 1e6,
    )


async def measure(redis_url: str, pairs: int) -> None:
    """Prints the medians."""
    rates = Rates(tenant=ENOUGH, client=ENOUGH, address=ENOUGH)
    token = a_token(a_tenant())
    windows, away = redis_windows(redis_url), redis_windows(AWAY)
    fronts = {
        "without budgets": Front(windows, Rates()),
        "with three budgets in Redis": Front(windows, rates),
        "with three budgets, Redis away": Front(away, rates),
    }
    taken: dict[str, list[Times]] = {name: [] for name in (*fronts, "a PING, the floor")}
    async with Redis.from_url(redis_url) as redis:
        for _ in range(pairs + 1):
            for name, front in fronts.items():
                taken[name].append(await microseconds(partial(front.ask, QUERY, token=token)))
            taken["a PING, the floor"].append(await microseconds(redis.ping))
    await windows.close()
    await away.close()
    report(taken)


def report(taken: dict[str, list[Times]]) -> None:
    """A line for each kind of request, without the first block, which warms up."""
    base = taken["without budgets"][1:]
    print(f"{'':32} {'cpu us':>8} {'clock us':>9} {'cpu ratio':>10} {'clock ratio':>12}")
    for name, times in taken.items():
        pairs = list(zip(times[1:], base, strict=True))
        cpu, clock = (statistics.median(at[way] for at in times[1:]) for way in (0, 1))
        ratios = [statistics.median(a[way] / b[way] for a, b in pairs) for way in (0, 1)]
        print(f"{name:32} {cpu:8.0f} {clock:9.0f} {ratios[0]:10.2f} {ratios[1]:12.2f}")


def main() -> None:
    """Starts Valkey and measures."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory(dir=reachable_folder(service_account())) as name:
        folder = Path(name)
        folder.chmod(0o711)
        with EmbeddedValkey(folder / "valkey", durable=False) as url:
            asyncio.run(measure(url, pairs))


if __name__ == "__main__":
    main()
