"""What `tollgate doctor` looks at. Each check says what it found, and what to do about it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from app.database import cipher_of
from app.environment import SECRETS
from app.settings import Settings
from db.doctor_reads import SqlDoctorReads
from db.revision import Migrations, applied_revision, known_revisions, standing
from db.roles import DatabaseRole, login_faults
from db.state_reads import SqlStateReads, by_rule
from db.webhook_health import SqlInboxHealthReads
from domain.alert_conditions import is_silent
from domain.alert_rules import RULES, AlertRule
from domain.errors import GatewayProblem, GatewayUnauthorized
from domain.gateways.stripe_gateway import StripeGateway
from domain.gateways.stripe_requests import is_live_key
from domain.ports import DatabaseUnavailable
from domain.signs import ProcessKind
from webhooks.wake import ArqWake

CLOCK_SECONDS_MAX = 2.0
"""How far the clocks of this machine and of the database may be apart. Signatures of webhooks bear
300 s, leases some seconds."""

SECRET_DAYS = 14
"""From how long before its end on a webhook secret is told of."""

GATEWAY_SECONDS = 6.0
_TOO_OPEN = 0o026
"""Bits of a file's mode: the group may write, or others read or write."""


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; `fix` is empty where there is nothing to do."""

    name: str
    verdict: Verdict
    found: str
    fix: str = ""


def ok(name: str, found: str) -> Check:
    """Nothing to do."""
    return Check(name, Verdict.OK, found)


async def examine(
    settings: Settings, environ: Mapping[str, str], engine: AsyncEngine, now: datetime
) -> AsyncIterator[Check]:
    """Every check in turn; those of the database end with the first that finds it away. `engine`
    has the platform's role."""
    yield ok("configuration", f"read for {settings.environment}")
    yield secrets_in_force(settings, now)
    yield secret_files(environ)
    yield encryption(settings)
    try:
        async for check in of_database(settings, engine, now):
            yield check
    except (DatabaseUnavailable, TimeoutError) as away:
        fix = "Look whether PostgreSQL runs and DATABASE_URL leads to it."
        yield Check("database", Verdict.FAULT, f"cannot be had: {away}", fix)
    yield await valkey(settings)
    yield await gateway_key(settings)


async def of_database(
    settings: Settings, engine: AsyncEngine, now: datetime
) -> AsyncIterator[Check]:
    """What the database tells. Raises DatabaseUnavailable."""
    reads = SqlDoctorReads(engine)
    yield await log_in(settings)
    behind = migrations(await applied_revision(engine))
    yield behind
    if behind.verdict is Verdict.FAULT:
        return
    yield clock(await reads.clock_difference(lambda: datetime.now(UTC)))
    yield key_mode(settings, await reads.livemodes())
    yield workers(await reads.last_beats(), now)
    yield pools(await reads.full_pools())
    health = await SqlInboxHealthReads(engine).inbox_health(now)
    yield inbox(health.unprocessed, health.dead, health.waiting_seconds)
    yield operations(*await reads.unknown_operations(), now)
    yield alerts(await SqlStateReads(engine).open_alerts())


def secrets_in_force(settings: Settings, now: datetime) -> Check:
    """Webhook secrets that end soon."""
    soon = now + timedelta(days=SECRET_DAYS)
    every = (*settings.stripe_webhook_secrets, *settings.stripe_connect_webhook_secrets)
    lasting = [each for each in every if each.expires_at is None or each.expires_at > soon]
    if not every:
        fix = "Set STRIPE_WEBHOOK_SECRET to the secret that Stripe shows for the endpoint."
        return Check("webhook secrets", Verdict.WARNING, "there are none", fix)
    if not lasting:
        fix = "Roll the endpoint's secret at Stripe and put the new one first."
        return Check("webhook secrets", Verdict.WARNING, f"all end within {SECRET_DAYS} days", fix)
    return ok("webhook secrets", f"{len(every)} in force")


def secret_files(environ: Mapping[str, str]) -> Check:
    """Files of secrets that others may read or change."""
    paths = [Path(environ[f"{name}_FILE"]) for name in SECRETS if environ.get(f"{name}_FILE")]
    open_to_all = [str(path) for path in paths if path.exists() and path.stat().st_mode & _TOO_OPEN]
    if open_to_all:
        fix = "chmod 640 and chown root:tollgate, as docs/deployment.md says."
        return Check("secret files", Verdict.FAULT, f"open to others: {open_to_all}", fix)
    return ok("secret files", f"{len(paths)} closed to others")


def encryption(settings: Settings) -> Check:
    """A round trip through the credential keys."""
    cipher, context = cipher_of(settings), "doctor|round|trip"
    plain = os.urandom(32)
    if cipher.decrypt(cipher.encrypt(plain, context), context) != plain:
        fix = "The credential keys are unusable: see docs/security.md."
        return Check("encryption", Verdict.FAULT, "a round trip gives something else", fix)
    return ok("encryption", f"works with {len(settings.credential_keys)} keys")


async def log_in(settings: Settings) -> Check:
    """Whether the database user may serve."""
    faults = await login_faults(settings.database_url.get_secret_value(), tuple(DatabaseRole))
    if not faults:
        return ok("database", "answers, and its user may take the roles")
    verdict = Verdict.FAULT if settings.is_production else Verdict.WARNING
    fix = "Use a log-in of its own, as docs/deployment.md says."
    return Check("database", verdict, "; ".join(faults), fix)


def migrations(applied: str | None) -> Check:
    """Whether the tables are those of this version."""
    head, found = known_revisions()[0], standing(applied)
    if found is Migrations.BEHIND:
        return Check("migrations", Verdict.FAULT, f"{applied}, not {head}", "tollgate migrate")
    if found is Migrations.AHEAD:
        fix = "Bring this installation up to the version that has migrated."
        return Check("migrations", Verdict.WARNING, f"{applied} is newer than {head}", fix)
    return ok("migrations", f"at {head}")


def clock(difference_seconds: float) -> Check:
    """Whether this machine and the database agree about the time."""
    if abs(difference_seconds) > CLOCK_SECONDS_MAX:
        found = f"{difference_seconds:+.1f} s from the database's"
        return Check("clock", Verdict.FAULT, found, "Have both machines keep time by NTP.")
    return ok("clock", f"within {CLOCK_SECONDS_MAX:g} s of the database's")


def key_mode(settings: Settings, livemodes: frozenset[bool]) -> Check:
    """Whether the key's mode suits the environment and what is in the database."""
    is_live = is_live_key(settings.stripe_secret_key.get_secret_value())
    mode = "live" if is_live else "test"
    if livemodes - {is_live}:
        fix = "One mode a database: use the key of the mode that the database was begun with."
        return Check("key mode", Verdict.FAULT, f"{mode}, but the database has the other", fix)
    if settings.is_production and not is_live:
        return Check("key mode", Verdict.WARNING, "test in production", "Right for staging alone.")
    return ok("key mode", mode)


def workers(last_beats: Mapping[ProcessKind, datetime], now: datetime) -> Check:
    """Whether a worker lives."""
    beat_at = last_beats.get(ProcessKind.WORKER)
    fix = "Start `tollgate worker`, or look into its log."
    if beat_at is None:
        return Check("worker", Verdict.FAULT, "none has given a sign of life", fix)
    age = (now - beat_at).total_seconds()
    if is_silent(beat_at, now):
        return Check("worker", Verdict.FAULT, f"the last sign of life is {age:.0f} s old", fix)
    return ok("worker", f"gave a sign of life {max(age, 0):.0f} s ago")


def pools(full: int) -> Check:
    """Processes that have no connection left."""
    if full:
        fix = "Raise TOLLGATE_DB_POOL_SIZE, or look which statements take long."
        return Check("pools", Verdict.FAULT, f"{full} processes use every connection", fix)
    return ok("pools", "every process has connections left")


def inbox(unprocessed: int, dead: int, waiting_seconds: float | None) -> Check:
    """Whether events wait, or were given up."""
    found = f"{unprocessed} wait, {dead} are dead"
    if dead:
        return Check(
            "inbox", Verdict.FAULT, found, "tollgate webhooks list --status DEAD, then replay"
        )
    if (waiting_seconds or 0) > RULES[AlertRule.WEBHOOK_LAG].threshold:
        fix = "Start another worker, or look into its log."
        return Check("inbox", Verdict.FAULT, f"{found}, one for {waiting_seconds:.0f} s", fix)
    return ok("inbox", found)


def operations(unknown: int, since: datetime | None, now: datetime) -> Check:
    """Whether operations stay without an outcome."""
    found = f"{unknown} without an outcome"
    limit = RULES[AlertRule.OPERATION_UNKNOWN].threshold
    if since is not None and (now - since).total_seconds() > limit:
        fix = "See operation.unknown in docs/monitoring.md."
        return Check("operations", Verdict.FAULT, f"{found}, one since {since:%H:%M} UTC", fix)
    return ok("operations", found)


def alerts(open_alerts: Mapping[tuple[str, str], int]) -> Check:
    """What is open."""
    if not open_alerts:
        return ok("alerts", "none is open")
    found = ", ".join(f"{rule} ({count})" for rule, count in by_rule(open_alerts).items())
    fix = "Each has its runbook in docs/monitoring.md."
    return Check("alerts", Verdict.WARNING, f"open: {found}", fix)


async def valkey(settings: Settings) -> Check:
    """Whether Valkey answers; without it events start later."""
    wake = ArqWake(settings.redis_url.get_secret_value())
    try:
        answers = await wake.answers()
    finally:
        await wake.close()
    if answers:
        return ok("valkey", "answers")
    fix = "Look whether it runs and REDIS_URL leads to it."
    return Check("valkey", Verdict.WARNING, "away: events start seconds later", fix)


async def gateway_key(settings: Settings) -> Check:
    """Whether the gateway takes the platform's key: the one check that asks it."""
    key = settings.stripe_secret_key.get_secret_value()
    gateway = StripeGateway(secret_key=key, api_base=settings.stripe_api_base)
    try:
        async with asyncio.timeout(2 * GATEWAY_SECONDS):
            facts = await gateway.check_platform(timeout_seconds=GATEWAY_SECONDS)
    except GatewayUnauthorized as refused:
        fix = "Put a key of the platform's account into STRIPE_SECRET_KEY, and restart."
        return Check("gateway", Verdict.FAULT, f"refuses the key: {refused.message}", fix)
    except (GatewayProblem, TimeoutError) as problem:
        fix = "Look at status.stripe.com and at the way out of this network."
        return Check("gateway", Verdict.WARNING, f"cannot be asked: {problem}", fix)
    finally:
        await gateway.close()
    return ok("gateway", f"takes the key of {facts.account_id}")
