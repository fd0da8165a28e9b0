"""The worker: the loops on PostgreSQL, and beside them the jobs that Redis wakes.

The loops alone do everything; the jobs only shorten the wait. So Redis may be away, and a part
that fails is started anew while the others go on.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine

from app.alert_channels import channels_of
from app.alert_rounds import ROUND_SECONDS, keep_sending, one_round
from app.beat import Heart, RequestTally
from app.books import CHECK_SECONDS, check_books
from app.clock import SystemClock
from app.daily import LOOK_SECONDS, run_jobs
from app.database import cipher_of
from app.folding import FOLD_SECONDS, fold_changes
from app.gaps import event_list, keep_walking
from app.gateway import stripe_of, watched
from app.loops import Part, Sweeper, keep_running, settle
from app.metrics import PrometheusMeasures, metrics_served
from app.reconciling import LOOK_SECONDS as RECONCILE_LOOK_SECONDS
from app.reconciling import balance_of, daily_rounds
from app.sealing import SEAL_SECONDS, seal_once
from app.settings import Settings
from app.startup import check_login
from app.state_metrics import StateGauges
from app.telemetry import telemetry
from app.tracing import TracedEvents, Tracing
from app.turns import Round, Turns, worker_name
from app.unfinished import ROUND_SECONDS as UNFINISHED_SECONDS
from app.unfinished import cancel_unfinished
from db.alert_figures import SqlAlertFigures
from db.alert_rounds import SqlAlertDatabase
from db.engine import make_engine
from db.intake import SqlIntake
from db.ledger_checks import SqlLedgerCheckDatabase
from db.loop_leases import LoopLeases
from db.metric_reads import SqlFigureFolding
from db.roles import DatabaseRole
from db.signs import SqlSigns
from db.state_reads import SqlStateReads
from db.unfinished import SqlUnfinishedReads
from db.webhook_health import SqlInboxHealthReads
from db.work import SqlDatabase
from domain.alert_delivery import AlertDelivery
from domain.alert_rounds import AlertRounds
from domain.events import EventService
from domain.gaps import GapWalker
from domain.ledger_checks import LedgerChecks
from domain.receiving import ReceivingService
from domain.retention import Retention
from domain.sealing import Sealer
from domain.settling import Settler
from domain.signs import ProcessKind
from domain.unfinished import UnfinishedPayments
from webhooks.jobs import JobRunner, Jobs
from webhooks.listed import listed_event
from webhooks.wake import ArqWake

DRAIN_SECONDS = 10.0
"""How long work under way may take after SIGTERM; what is cut off then, or at a second signal, is
taken up again when its lease has run out."""

BEAT_POOL_SIZE = 1
"""Connections for the signs of life alone."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _UseCases:
    events: EventService
    settler: Settler
    sealer: Sealer
    retention: Retention
    unfinished: UnfinishedPayments
    walker: GapWalker
    leases: LoopLeases
    check_books: Round
    reconcile: Round
    alerts: AlertRounds
    delivery: AlertDelivery
    heart: Heart
    read_state: Part
    folding: SqlFigureFolding


async def run(settings: Settings) -> None:
    """Works until SIGTERM or SIGINT, then finishes what is under way.

    Raises SettingsError when the log-in to the database must not serve (`app.startup`).
    """
    await check_login(settings, (DatabaseRole.WORKER,))
    told = _Told()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.again)
    measures = PrometheusMeasures()
    served = metrics_served(settings, measures)
    with served, telemetry(settings, ProcessKind.WORKER) as tracing:
        async with _use_cases(settings, measures, tracing) as use_cases:
            await _work_until(told, use_cases, settings)


class _Told:
    """What the signals have said: the first to stop, the second to stop at once."""

    def __init__(self) -> None:
        self.to_stop = asyncio.Event()
        self.to_hurry = asyncio.Event()

    def again(self) -> None:
        """Hears one signal."""
        (self.to_hurry if self.to_stop.is_set() else self.to_stop).set()


async def _work_until(told: _Told, use_cases: _UseCases, settings: Settings) -> None:
    """Keeps every part running until told, and drains them for at most DRAIN_SECONDS."""
    tasks = [
        asyncio.create_task(keep_running(name, part, told.to_stop), name=name)
        for name, part in _parts(use_cases, settings).items()
    ]
    _log.info("worker ready")
    await told.to_stop.wait()
    _log.info("worker stopping")
    draining = asyncio.create_task(asyncio.wait(tasks, timeout=DRAIN_SECONDS))
    hurrying = asyncio.create_task(told.to_hurry.wait())
    await asyncio.wait({draining, hurrying}, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if not task.done():
            _log.warning("%s is cut off", task.get_name())
            task.cancel()
    hurrying.cancel()
    await asyncio.gather(*tasks, draining, hurrying, return_exceptions=True)


def _parts(use_cases: _UseCases, settings: Settings) -> Mapping[str, Part]:
    """Every part by the name that it has in the log."""
    jobs = Jobs(use_cases.events, use_cases.settler)

    async def woken(stop: asyncio.Event) -> None:
        await JobRunner(settings.redis_url.get_secret_value(), jobs).run(stop)

    return {
        "the sweeper": Sweeper(use_cases.events).run,
        "the settler": partial(settle, use_cases.settler),
        "the jobs": woken,
        "the sealer": Turns(
            use_cases.leases, "sealer", partial(seal_once, use_cases.sealer), SEAL_SECONDS
        ).run,
        "the daily jobs": Turns(
            use_cases.leases, "daily jobs", partial(run_jobs, use_cases.retention), LOOK_SECONDS
        ).run,
        "the unfinished payments": Turns(
            use_cases.leases,
            "unfinished payments",
            partial(cancel_unfinished, use_cases.unfinished),
            UNFINISHED_SECONDS,
        ).run,
        "the check of the books": Turns(
            use_cases.leases, "check of the books", use_cases.check_books, CHECK_SECONDS
        ).run,
        "the reconciliation": Turns(
            use_cases.leases, "reconciliation", use_cases.reconcile, RECONCILE_LOOK_SECONDS
        ).run,
        "the gap walk": partial(keep_walking, use_cases.walker),
        "the alerts": Turns(
            use_cases.leases, "alerts", partial(one_round, use_cases.alerts), ROUND_SECONDS
        ).run,
        "the sending of alerts": partial(keep_sending, use_cases.delivery),
        "the heart": use_cases.heart.run,
        "the figures": use_cases.read_state,
        "the folding": Turns(
            use_cases.leases, "folding", partial(fold_changes, use_cases.folding), FOLD_SECONDS
        ).run,
    }


def _engine(settings: Settings, pool_size: int) -> AsyncEngine:
    return make_engine(
        settings.database_url.get_secret_value(),
        pool_size=pool_size,
        application_name="tollgate worker",
        role=DatabaseRole.WORKER,
    )


@asynccontextmanager
async def _use_cases(
    settings: Settings, measures: PrometheusMeasures, tracing: Tracing
) -> AsyncIterator[_UseCases]:
    engine = _engine(settings, settings.db_pool_size)
    measures.database.watch("worker", engine)
    database = SqlDatabase(engine, cipher_of(settings), measures.commits)
    stripe = stripe_of(settings)
    gateway = watched(stripe, measures.gateway, tracing)
    wake = ArqWake(settings.redis_url.get_secret_value())
    clock = SystemClock()
    health = SqlInboxHealthReads(engine)
    events = TracedEvents(tracing, database, gateway, wake, clock)
    receiving = ReceivingService(SqlIntake(engine, keeps_connections=False), wake, measures)
    listing, balance = event_list(settings), balance_of(settings)
    beating = _engine(settings, BEAT_POOL_SIZE)
    alerts = SqlAlertDatabase(engine)
    try:
        yield _UseCases(
            events,
            Settler(database, gateway, wake, clock),
            Sealer(database, clock),
            Retention(database, clock),
            UnfinishedPayments(database, SqlUnfinishedReads(engine), wake, clock),
            GapWalker(database, listing, receiving, listed_event, measures, clock),
            LoopLeases(engine, worker_name()),
            partial(check_books, LedgerChecks(SqlLedgerCheckDatabase(engine)), database, clock),
            daily_rounds(database, balance, wake, clock),
            AlertRounds(alerts, SqlAlertFigures(engine), health, clock),
            AlertDelivery(alerts, channels_of(settings), clock),
            Heart(SqlSigns(beating), ProcessKind.WORKER, [engine], clock, RequestTally()),
            partial(
                StateGauges(measures.registry).keep_reading, SqlStateReads(engine), health, clock
            ),
            SqlFigureFolding(engine),
        )
    finally:
        await receiving.drain()
        await listing.close()
        await balance.close()
        await wake.close()
        await stripe.close()
        await engine.dispose()
        await beating.dispose()
