"""The proof `fuzz`: many thousand requests, none of which may be answered with a fault of ours.

    python -m tests.fuzz [--count 100000] [--seed 1] [--state FILE]

It writes after each block where it is, and goes on from there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path

from app.asgi import create_app
from app.logging import set_up_logging
from app.settings import load_settings
from app.stack import CHECKOUT, Stack
from tests.fuzz.running import Outcome, run
from tests.fuzz.world import world

BLOCK = 1_000
SHOPS = 20
ANSWERED_MIN = 0.1
_SECRETS = {
    "STRIPE_WEBHOOK_SECRET": "whsec_fuzz",
    "STRIPE_CONNECT_WEBHOOK_SECRET": "whsec_fuzz_connect",
    "TOLLGATE_GRAPHIQL": "false",
    "TOLLGATE_TRUSTED_PROXIES": "127.0.0.0/8, 198.51.100.0/24",
    "TOLLGATE_CORS_ORIGINS": "https://shop.example",
}


async def prove(stack: Stack, seed: int, count: int, state: Path) -> Outcome:
    """All attempts that the state does not say are done."""
    settings = load_settings(stack.environment | _SECRETS)
    app = create_app(settings)
    total, done = _read(state, seed)
    async with app.router.lifespan_context(app):
        made = await world(app, settings, shops=SHOPS)
        while done < count:
            start = time.monotonic()
            block = await run(app, made, seed, range(done, min(count, done + BLOCK)))
            done = min(count, done + BLOCK)
            _add(total, block)
            _write(state, seed, done, total)
            rate = block.count / (time.monotonic() - start)
            print(  # noqa: T201 - progress
                f"{done:>7} of {count}  {rate:5.0f}/s  {len(total.faults)} faults", flush=True
            )
    return total


def _add(total: Outcome, block: Outcome) -> None:
    total.statuses += block.statuses
    total.codes += block.codes
    total.kinds += block.kinds
    total.faults += block.faults
    total.made_again += block.made_again


def _read(state: Path, seed: int) -> tuple[Outcome, int]:
    kept = json.loads(state.read_text()) if state.exists() else {}
    if kept.get("seed") != seed:
        return Outcome(), 0
    kinds = Counter[str](kept["kinds"])
    statuses, codes = Counter[str](kept["statuses"]), Counter[str](kept["codes"])
    total = Outcome(statuses, codes, kinds, kept["faults"], kept["made_again"])
    return total, int(kept["done"])


def _write(state: Path, seed: int, done: int, total: Outcome) -> None:
    kept = {
        "seed": seed,
        "done": done,
        "statuses": total.statuses,
        "codes": total.codes,
        "kinds": total.kinds,
        "faults": total.faults[:1_000],
        "made_again": total.made_again,
    }
    draft = state.with_suffix(".draft")
    draft.write_text(json.dumps(kept, indent=1))
    draft.rename(state)


def main() -> int:
    """0 when nothing was wrong, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="fuzz")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--state", type=Path, default=CHECKOUT / ".tollgate" / "fuzz.json")
    given = parser.parse_args()
    given.state.parent.mkdir(parents=True, exist_ok=True)
    set_up_logging("ERROR")
    stack = Stack(given.state.parent / "fuzz", durable=False, given={})
    try:
        stack.start_services()
        stack.migrate()
        total = asyncio.run(prove(stack, given.seed, given.count, given.state))
    finally:
        stack.stop()
    for name in ("statuses", "codes", "kinds"):
        print(f"{name:<9} {dict(getattr(total, name).most_common())}")  # noqa: T201
    for fault in total.faults[:20]:
        print(f"FAULT {fault[:2_000]}")  # noqa: T201
    if total.answered < ANSWERED_MIN:
        print(f"FAULT only {total.answered:.0%} were executed")  # noqa: T201
    print(f"made again after a 503: {total.made_again}")  # noqa: T201
    print(f"{total.count} requests, seed {given.seed}: {len(total.faults)} faults")  # noqa: T201
    return 1 if total.faults or total.answered < ANSWERED_MIN else 0


if __name__ == "__main__":
    sys.exit(main())
