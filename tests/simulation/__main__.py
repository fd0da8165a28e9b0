"""Many histories, or one again: scripts/prove simulation.

    scripts/prove simulation [--seeds 5000] [--minutes 43] [--lanes 2] [--state FOLDER]
    scripts/prove simulation --seed N [--bug NAME]
    scripts/prove simulation --bugs

Seeds that were shown before are kept in the state and not run again. A history that breaks is told
with the line that replays it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import uvloop

from app.embedded.account import service_account
from app.embedded.folders import reachable_folder
from app.embedded.postgres import EmbeddedPostgres
from app.logging import set_up_logging
from app.migrate import migrate
from app.stack import CHECKOUT
from tests.conftest import execute, on_database
from tests.simulation.history import Violation, run
from tests.simulation.planted import BUGS, planted, seeds_until_found
from tests.simulation.world import servers

_SHARE = 50
_SEEDS_MAX = 1_000
"""In fewer seeds than this each planted bug must be found."""

Broken = tuple[int, str]


def share(url: str, seeds: Sequence[int], bug: str | None) -> list[Broken]:
    """Runs these seeds in a process of its own; the histories that broke."""
    set_up_logging("CRITICAL")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_share(url, seeds, bug))


async def _share(url: str, seeds: Sequence[int], bug: str | None) -> list[Broken]:
    broken: list[Broken] = []
    async with servers(url) as at:
        for seed in seeds:
            try:
                if bug is None:
                    await run(at, seed)
                else:
                    with planted(bug):
                        await run(at, seed)
            except Violation as violation:
                broken.append((seed, str(violation)))
    return broken


def find(url: str, bug: str) -> tuple[str, int | None, str]:
    """The first seed that finds the bug."""
    set_up_logging("CRITICAL")

    async def look() -> tuple[int, str] | None:
        async with servers(url) as at:
            return await seeds_until_found(bug, lambda seed: run(at, seed), range(_SEEDS_MAX))

    found = asyncio.run(look())
    return (bug, None, "") if found is None else (bug, *found)


def many(urls: Sequence[str], wanted: int, minutes: float, state: Path) -> int:
    """All seeds that were not shown yet, side by side, until there are enough or time is over."""
    shown = int(json.loads(state.read_text())) if state.exists() else 0
    until = time.monotonic() + 60 * minutes
    broken: list[Broken] = []
    with ProcessPoolExecutor(len(urls)) as lanes:
        while shown < wanted and time.monotonic() < until and not broken:
            starts = [shown + _SHARE * lane for lane in range(len(urls))]
            jobs = [
                lanes.submit(share, url, range(start, min(start + _SHARE, wanted)), None)
                for url, start in zip(urls, starts, strict=True)
            ]
            for job in as_completed(jobs):
                broken += job.result()
            shown = min(shown + _SHARE * len(urls), wanted)
            if not broken:
                state.write_text(json.dumps(shown))
            _say(f"{shown} histories, {len(broken)} broken")
    for seed, why in broken:
        _say(f"BROKEN {why}\n  again: scripts/prove simulation --seed {seed}")
    return 1 if broken or shown < wanted else 0


def bugs(urls: Sequence[str]) -> int:
    """Every planted bug, with the seed that finds it first."""
    missed = 0
    with ProcessPoolExecutor(len(urls)) as lanes:
        # A database serves one process at a time: the bugs of a lane go one after another.
        shares = [(url, list(BUGS)[lane :: len(urls)]) for lane, url in enumerate(urls)]
        jobs = [lanes.submit(_find_all, url, names) for url, names in shares]
        for job in as_completed(jobs):
            for name, seed, why in job.result():
                missed += seed is None
                told = "NOT FOUND" if seed is None else f"found by seed {seed}: {why[:120]}"
                _say(f"{name}: {told}")
    _say(f"{len(BUGS) - missed} of {len(BUGS)} planted bugs found")
    return 1 if missed else 0


def _find_all(url: str, names: Sequence[str]) -> list[tuple[str, int | None, str]]:
    found = []
    for name in names:
        _say(f"looking for {name}")
        found.append(find(url, name))
    return found


def main() -> int:
    """0 when every history ended well, or every bug was found; 1 otherwise."""
    parser = argparse.ArgumentParser(prog="scripts/prove simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5_000)
    parser.add_argument("--minutes", type=float, default=43.0)
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--bug", choices=sorted(BUGS))
    parser.add_argument("--bugs", action="store_true")
    parser.add_argument("--state", type=Path, default=CHECKOUT / ".tollgate" / "simulation.json")
    given = parser.parse_args()
    given.state.parent.mkdir(parents=True, exist_ok=True)
    set_up_logging("CRITICAL")
    parent = reachable_folder(service_account())
    with tempfile.TemporaryDirectory(prefix="simulation-", dir=parent) as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres(Path(folder) / "postgres", durable=False) as server:
            urls = [_database(server, f"lane_{lane}") for lane in range(given.lanes)]
            if given.bugs:
                return bugs(urls)
            if given.seed is not None:
                for _, why in share(urls[0], [given.seed], given.bug):
                    _say(f"BROKEN {why}")
                    return 1
                _say(f"seed {given.seed} ends well")
                return 0
            return many(urls, given.seeds, given.minutes, given.state)


def _database(server: str, name: str) -> str:
    asyncio.run(execute(server, f"create database {name}"))
    url = on_database(server, name)
    migrate(url)
    return url


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
