"""The platform's routine: what somebody looks at each day, week and month, and what is to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.alert_rules import RULES, AlertRule
from domain.metrics import EventFigures, FiguresOfRange, PaymentFigures
from domain.signs import RequestCounts

WORST_MAX = 10
"""How many tenants are named as those with the lowest success rates."""

_WHY_FAILED = "Look at why they failed: payment.success_rate in docs/monitoring.md."
_WHY_REFUNDED = "Ask the merchants why: refund.rate in docs/monitoring.md."
_SAMPLE_MIN = RULES[AlertRule.PAYMENT_SUCCESS_RATE].sample_min


class Routine(StrEnum):
    """How often somebody looks."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


LENGTH: Mapping[Routine, timedelta] = {
    Routine.DAILY: timedelta(days=1),
    Routine.WEEKLY: timedelta(days=7),
    Routine.MONTHLY: timedelta(days=30),
}
"""What a report is about: so long until the hour that is now."""


@dataclass(frozen=True, slots=True)
class State:
    """What is now, over all tenants."""

    alerts: Mapping[str, int]
    dead_events: int
    waiting_events: int
    unknown_operations: int
    unknown_since: datetime | None
    evidence_due: int
    ending_authorizations: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report is made of. `payments` and `previous` are by currency; `tenants` by id, in all
    currencies, since rates have none."""

    start: datetime
    end: datetime
    payments: Mapping[str, FiguresOfRange]
    previous: Mapping[str, PaymentFigures]
    events: EventFigures
    requests: RequestCounts
    tenants: Mapping[str, PaymentFigures]
    state: State


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of a report. `to_do` is what somebody must do about it; empty for nothing."""

    section: str
    name: str
    value: str
    before: str = ""
    to_do: str = ""


def report(routine: Routine, facts: Facts) -> list[Line]:
    """The lines, section by section."""
    lines = [*_payments(facts), *_events(facts), *_requests(facts), *_now(facts.state)]
    if routine is not Routine.DAILY:
        lines += [*_declines(facts), *_tenants(facts)]
    if routine is Routine.MONTHLY:
        lines += _fees(facts)
    return lines


def _payments(facts: Facts) -> Iterator[Line]:
    for currency, of in sorted(facts.payments.items()):
        now, before = of.totals, facts.previous.get(currency, PaymentFigures())
        section = f"payments in {currency}"
        yield Line(section, "made", str(now.payments), str(before.payments))
        yield Line(section, "paid", str(now.paid), str(before.paid))
        yield Line(section, "captured, minor units", str(now.gross), str(before.gross))
        yield Line(section, "average, minor units", str(now.average), str(before.average))
        yield from _rates(section, now, before)


def _rates(section: str, now: PaymentFigures, before: PaymentFigures) -> Iterator[Line]:
    ended = now.paid + now.failed
    is_low = _below(now.success_rate, AlertRule.PAYMENT_SUCCESS_RATE, ended)
    limit = RULES[AlertRule.REFUND_RATE].threshold
    is_high = now.paid >= _SAMPLE_MIN and (now.refund_rate or 0.0) > limit
    for name, rate, earlier, to_do in (
        ("success rate", now.success_rate, before.success_rate, _WHY_FAILED if is_low else ""),
        ("refund rate", now.refund_rate, before.refund_rate, _WHY_REFUNDED if is_high else ""),
        ("dispute rate", now.dispute_rate, before.dispute_rate, ""),
    ):
        yield Line(section, name, _percent(rate), _percent(earlier), to_do)


def _events(facts: Facts) -> Iterator[Line]:
    events = facts.events
    tried = events.processed + events.failed + events.dead
    low = _below(events.success_rate, AlertRule.WEBHOOK_SUCCESS_RATE, tried)
    to_do = "tollgate webhooks list --status RETRY: webhook.success_rate." if low else ""
    yield Line("webhooks", "received", str(events.received))
    yield Line("webhooks", "success rate", _percent(events.success_rate), "", to_do)


def _requests(facts: Facts) -> Iterator[Line]:
    counts = facts.requests
    yield Line("api", "requests", str(counts.requests))
    for rule, name, amiss in (
        (AlertRule.API_RESPONSE_TIME, "slower than 3 seconds", counts.slow),
        (AlertRule.API_ERROR_RATE, "answered with a fault", counts.failed),
    ):
        terms = RULES[rule]
        is_high = counts.requests >= terms.sample_min and amiss > terms.threshold * counts.requests
        yield Line("api", name, str(amiss), "", f"{rule} in docs/monitoring.md." if is_high else "")


def _now(state: State) -> Iterator[Line]:
    for rule, count in sorted(state.alerts.items()):
        yield Line("now", f"alert {rule}", str(count), "", "Its runbook is in docs/monitoring.md.")
    unknown, ending = state.unknown_operations, state.ending_authorizations
    for name, count, to_do in (
        ("dead events", state.dead_events, "tollgate webhooks list --status DEAD, then replay."),
        ("disputes to be answered within 48 hours", state.evidence_due, "Send evidence."),
        ("authorizations that end within 24 hours", ending, "Tell the merchants."),
        ("operations without an outcome", unknown, "operation.unknown in docs/monitoring.md."),
        ("events that wait", state.waiting_events, ""),
    ):
        yield Line("now", name, str(count), "", to_do if count else "")
    if state.unknown_since is not None:
        since = f"{state.unknown_since:%Y-%m-%d %H:%M} UTC"
        yield Line("now", "the first operation without an outcome", since)


def _declines(facts: Facts) -> Iterator[Line]:
    counts: dict[str, int] = {}
    for of in facts.payments.values():
        for code, figures in of.by_code.items():
            counts[code] = counts.get(code, 0) + figures.failed
    for code, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:WORST_MAX]:
        if count:
            yield Line("why payments failed", code, str(count))


def _tenants(facts: Facts) -> Iterator[Line]:
    worst: Sequence[tuple[float, str, PaymentFigures]] = sorted(
        (of.success_rate, tenant_id, of)
        for tenant_id, of in facts.tenants.items()
        if of.success_rate is not None and of.paid + of.failed >= _SAMPLE_MIN
    )
    for rate, tenant_id, of in worst[:WORST_MAX]:
        yield Line("lowest success rates", tenant_id, f"{_percent(rate)} of {of.paid + of.failed}")


def _fees(facts: Facts) -> Iterator[Line]:
    for currency, of in sorted(facts.payments.items()):
        now, before = of.totals, facts.previous.get(currency, PaymentFigures())
        section = f"fees in {currency}, minor units"
        yield Line(section, "platform", str(now.platform_fee), str(before.platform_fee))
        yield Line(section, "gateway", str(now.gateway_fee), str(before.gateway_fee))
        yield Line(section, "merchants keep", str(now.net), str(before.net))
    yield Line("by hand", "books and audit", "tollgate ledger verify; tollgate audit verify")
    yield Line("by hand", "backup", "restore one on another machine")
    yield Line("by hand", "keys and secrets", "look at their age: docs/security.md")


def _below(rate: float | None, rule: AlertRule, sample: int) -> bool:
    terms = RULES[rule]
    return rate is not None and sample >= terms.sample_min and rate < terms.threshold


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.2%}"
