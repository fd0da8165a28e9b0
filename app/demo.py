"""The demonstration: the whole of Tollgate brought up, the main job done, every figure checked.

    python -m app.demo [--serve] [--folder PATH]

Exit codes: 0 all is right, 1 something is wrong (a line says what), 2 it could not be set up.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from app.demonstration.api import Merchant, NotAsExpected
from app.demonstration.figures import Row, wrong_figures
from app.demonstration.inbox import Count, wait_for_webhooks
from app.demonstration.judge import Judge
from app.demonstration.reckoning import agreement, differences
from app.demonstration.screen import Screen
from app.demonstration.serving import addresses, by_tier, examples, tokens
from app.demonstration.story import Merchants, Story
from app.embedded.error import EmbeddedError
from app.seed import SeedResult, seed
from app.settings import Settings, SettingsError, load_settings
from app.stack import WEBHOOK_PATH, Stack
from app.stack_http import is_healthy
from app.tokens import NoSigningKey, mint_token
from db.engine import make_engine
from domain.caller import Role
from domain.errors import NotFound
from domain.ports import DatabaseUnavailable

RIGHT, WRONG, NOT_SET_UP, INTERRUPTED = 0, 1, 2, 130
CALL_SECONDS = 30.0


@dataclass(slots=True)
class Shown:
    """What the run brought: the rows, the webhooks of each payment and of all, what is wrong."""

    rows: list[Row] = field(default_factory=list)
    counts: dict[str, Count] = field(default_factory=dict)
    webhooks: str = ""
    ledger: str = ""
    faults: list[str] = field(default_factory=list)


def main() -> int:
    """Run the demonstration; the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description="Show the main job.")
    parser.add_argument("--serve", action="store_true", help="stay up until Ctrl-C")
    parser.add_argument("--folder", type=Path, help="where data and logs lie; else .tollgate")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run(Screen(), arguments.folder, stays=arguments.serve)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except (EmbeddedError, SettingsError, NoSigningKey, NotFound, DatabaseUnavailable) as error:
        sys.stderr.write(f"the demo could not be set up: {' '.join(str(error).split())}\n")
        return NOT_SET_UP


def _run(screen: Screen, folder: Path | None, *, stays: bool) -> int:
    with ExitStack() as running:
        with screen.progress() as say:
            stack = running.enter_context(Stack(folder, say=say))
            if not is_healthy(f"{stack.stripe_api_base}/_sandbox/health"):
                raise EmbeddedError("STRIPE_API_BASE is not a sandbox; the demo needs one")
            settings = load_settings(stack.environment)
            say("seeding a tenant on each tier")
            seeded = asyncio.run(seed(settings))
            shown = asyncio.run(_play(stack, settings, seeded, say))
        _report(screen, shown)
        if shown.faults:
            return WRONG
        if stays:
            _serve(screen, stack, settings, seeded)
    return RIGHT


async def _play(
    stack: Stack, settings: Settings, seeded: SeedResult, say: Callable[[str], None]
) -> Shown:
    shown = Shown()
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        judge = Judge(session, stack.stripe_api_base, stack.stripe_secret_key)
        story = Story(_merchants(session, stack.api_url, settings, seeded), judge, say)
        try:
            since, before = await judge.now(), await judge.books()
            await story.play()
            say("waiting for the webhooks")
            await _wait_for_webhooks(stack, judge, story, since, shown)
            await story.read_again()
            after = await judge.books()
        except (NotAsExpected, aiohttp.ClientError, TimeoutError, DatabaseUnavailable) as error:
            shown.faults.append(str(error) or type(error).__name__)
        else:
            shown.faults += differences(before, after, story.payments.values())
            shown.ledger = agreement(story.payments.values())
        shown.rows = story.rows
        shown.faults += wrong_figures(story.rows)
    return shown


def _merchants(
    session: aiohttp.ClientSession, api_url: str, settings: Settings, seeded: SeedResult
) -> Merchants:
    return Merchants(
        *(
            Merchant(
                session,
                api_url,
                tier=tier,
                token=mint_token(settings, tenant=tenant, roles=[Role.OPERATOR, Role.FINANCE]),
            )
            for tier, tenant in by_tier(seeded)
        )
    )


async def _wait_for_webhooks(
    stack: Stack, judge: Judge, story: Story, since: int, shown: Shown
) -> None:
    engine = make_engine(stack.database_url, pool_size=1, application_name="tollgate demo")
    try:
        url = f"{stack.api_url}{WEBHOOK_PATH}"
        webhooks = await wait_for_webhooks(judge, engine, url, since)
    finally:
        await engine.dispose()
    for payment in story.payments.values():
        if payment.gateway_payment_id is not None:
            shown.counts[payment.id] = webhooks.count(payment.gateway_payment_id)
    count = webhooks.count()
    shown.webhooks = (
        f"webhooks: {len(webhooks.sent)} events at the sandbox, {len(webhooks.delivered)} "
        f"delivered, {count.received} received, {count.processed} processed"
    )
    if not webhooks.is_complete:
        missing = ", ".join(webhooks.missing()[:5])
        shown.faults.append(f"{shown.webhooks}; missing: {missing or 'all'}")


def _report(screen: Screen, shown: Shown) -> None:
    screen.table(shown.rows, shown.counts)
    if shown.webhooks:
        screen.line(shown.webhooks)
    if shown.ledger and not shown.faults:
        screen.line(shown.ledger)
        screen.line("every figure is right")
    for fault in shown.faults:
        screen.line(f"WRONG: {fault}")


def _serve(screen: Screen, stack: Stack, settings: Settings, seeded: SeedResult) -> None:
    """Say how to go on, and wait for Ctrl-C or SIGTERM."""
    screen.line()
    for line in addresses(stack.api_url, stack.stripe_api_base):
        screen.line(line)
    screen.line()
    for line in tokens(settings, seeded):
        screen.line(line)
    token = mint_token(settings, tenant=seeded.starter.id, roles=[Role.OPERATOR])
    screen.line()
    screen.line("four lines to copy, in this order, into one shell:")
    for example in examples(stack.api_url, token):
        screen.line()
        screen.line(f"# {example.title}")
        screen.line(example.command)
    screen.line()
    screen.line("serving; Ctrl-C stops everything")
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        screen.line("stopping")


if __name__ == "__main__":
    sys.exit(main())
