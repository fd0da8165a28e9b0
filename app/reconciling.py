"""The worker's rounds of reconciliation, and the gateway that they read."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from app.settings import Settings
from app.turns import Round
from domain.gateways.stripe_balance import StripeBalance
from domain.ports import Clock, Wake
from domain.reconciliation import ReconciliationDatabase
from domain.reconciliation_rounds import RECONCILER, ReconciliationRounds
from domain.reconciling import Reconciler

LOOK_SECONDS = 300.0
"""How far apart two looks are whether an account is due."""

PAUSE_SECONDS = 0.1
"""The pause before each call: a small part of the 100 reads a second that Stripe allows."""

TURN_SECONDS = 600.0
"""How long a turn begins new spans; what is not done then goes on with the next turn."""

ACCOUNT_SECONDS = 120.0
"""How long of it one account may have while others wait: one with so much to read holds up none."""


def balance_of(settings: Settings) -> StripeBalance:
    """Stripe's lists under the platform's key. Whoever makes it closes it."""
    return StripeBalance(
        secret_key=settings.stripe_secret_key.get_secret_value(),
        api_base=settings.stripe_api_base,
        pause_seconds=PAUSE_SECONDS,
    )


def daily_rounds(
    database: ReconciliationDatabase, gateway: StripeBalance, wake: Wake, clock: Clock
) -> Round:
    """A round of the worker's loop."""
    reconciler = Reconciler(database, gateway, wake, clock, repair_as=RECONCILER)
    rounds = ReconciliationRounds(database, reconciler, clock)
    return partial(reconcile_due, rounds, livemode=gateway.livemode)


async def reconcile_due(
    rounds: ReconciliationRounds,
    stop: asyncio.Event,
    *,
    livemode: bool,
    turn_seconds: float = TURN_SECONDS,
    account_seconds: float = ACCOUNT_SECONDS,
) -> None:
    """Reconciles the accounts that are due; it breaks off between two spans. Raises
    DatabaseUnavailable."""
    turn_until = time.monotonic() + turn_seconds

    def is_time() -> bool:
        return not stop.is_set() and time.monotonic() < turn_until

    while is_time() and (under_way := await rounds.due(livemode=livemode)) is not None:
        account_until = time.monotonic() + account_seconds
        while not under_way.is_over:
            under_way = await rounds.step(under_way)
            # After its last span only the turn's end puts it back: it would begin that anew.
            is_slow = time.monotonic() >= account_until and under_way.begin < under_way.until
            if not under_way.is_over and (is_slow or not is_time()):
                await rounds.put_back(under_way)
                break
