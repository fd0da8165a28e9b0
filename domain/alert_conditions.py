"""The measured rules: from figures to what is amiss. Thresholds are in `domain.alert_rules`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.alert_ports import Ending, EvidenceDue, Outcomes, Unsettled
from domain.alert_rules import RULES, AlertRule
from domain.signs import RequestCounts, Sign
from domain.webhook_health import InboxHealth

PLATFORM_SUBJECT = "platform"
"""The subject of what is about all tenants together."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is amiss."""

    subject_id: str
    tenant_id: str | None
    message: str


def success_rate(rule: AlertRule, what: str, outcomes: Sequence[Outcomes]) -> list[Finding]:
    """Where fewer than the threshold ended well: for each subject, and for all together."""
    terms = RULES[rule]

    def is_low(each: Outcomes) -> bool:
        ended = each.good + each.bad
        return ended >= terms.sample_min and each.good < terms.threshold * ended

    return [
        Finding(
            each.subject_id,
            each.tenant_id,
            f"{each.good} of {each.good + each.bad} {what} since {_minutes(terms.window)} "
            f"minutes, below {terms.threshold:.0%}.",
        )
        for each in with_all(outcomes)
        if is_low(each)
    ]


def refund_rate(outcomes: Sequence[Outcomes]) -> list[Finding]:
    """Where refunds were more than the threshold of the payments captured."""
    terms = RULES[AlertRule.REFUND_RATE]
    return [
        Finding(
            each.subject_id,
            each.tenant_id,
            f"{each.bad} refunds for {each.good} captured payments since "
            f"{_minutes(terms.window) // 60} hours, over {terms.threshold:.0%}.",
        )
        for each in with_all(outcomes)
        if each.good >= terms.sample_min and each.bad > terms.threshold * each.good
    ]


def gateway_errors(outcomes: Sequence[Outcomes]) -> list[Finding]:
    """Gateway rows through which too many operations came back without an outcome."""
    terms = RULES[AlertRule.GATEWAY_ERROR_RATE]
    return [
        Finding(
            each.subject_id,
            each.tenant_id,
            f"{each.bad} of {each.good + each.bad} operations since {_minutes(terms.window)} "
            "minutes have no outcome.",
        )
        for each in outcomes
        if each.good + each.bad >= terms.sample_min
        and each.bad > terms.threshold * (each.good + each.bad)
    ]


def requests(rule: AlertRule, what: str, counts: RequestCounts, amiss: int) -> list[Finding]:
    """Whether `amiss` of the requests are more than the threshold."""
    terms = RULES[rule]
    if counts.requests < terms.sample_min or amiss <= terms.threshold * counts.requests:
        return []
    message = (
        f"{amiss} of {counts.requests} requests since {_minutes(terms.window)} minutes {what}."
    )
    return [Finding(PLATFORM_SUBJECT, None, message)]


def unsettled(operations: Sequence[Unsettled], now: datetime) -> list[Finding]:
    """Operations of which nobody knows the outcome: one finding for each tenant."""
    oldest: dict[str, Unsettled] = {}
    for each in operations:
        oldest.setdefault(each.tenant_id, each)
    return [
        Finding(
            tenant_id,
            tenant_id,
            f"{first.operation_id} was sent {_minutes(now - first.since)} minutes ago and has no "
            f"outcome; {sum(each.tenant_id == tenant_id for each in operations)} of the tenant.",
        )
        for tenant_id, first in oldest.items()
    ]


def lag(health: InboxHealth) -> list[Finding]:
    """Whether events wait for a worker."""
    waiting = health.waiting_seconds
    if waiting is None or waiting <= RULES[AlertRule.WEBHOOK_LAG].threshold:
        return []
    message = f"An event waits for {waiting:.0f} s; {health.unprocessed} are not worked off."
    return [Finding(PLATFORM_SUBJECT, None, message)]


def silent(signs: Iterable[Sign], now: datetime) -> list[Finding]:
    """Processes that ended or hang without having said goodbye."""
    return [
        Finding(
            sign.process_id,
            None,
            f"The {sign.kind} {sign.process_id} last told that it lives at {_time(sign.beat_at)}.",
        )
        for sign in signs
        if is_silent(sign.beat_at, now)
    ]


def is_silent(beat_at: datetime, now: datetime) -> bool:
    """Whether a process that last told then that it lives counts as ended or stuck."""
    return now - beat_at > timedelta(seconds=RULES[AlertRule.WORKER_SILENT].threshold)


def full_pools(signs: Iterable[Sign], now: datetime) -> list[Finding]:
    """Processes all of whose connections are in use for long. One that is silent is another rule's:
    what it said last is no longer so."""
    limit = timedelta(seconds=RULES[AlertRule.POOL_FULL].threshold)
    return [
        Finding(
            sign.process_id,
            None,
            f"All {sign.pool_size} connections of the {sign.kind} {sign.process_id} are in use "
            f"since {_time(sign.pool_full_since)}.",
        )
        for sign in signs
        if sign.pool_full_since is not None
        and not is_silent(sign.beat_at, now)
        and sign.beat_at - sign.pool_full_since >= limit
    ]


def endings(ending: Iterable[Ending]) -> list[Finding]:
    """Tenants with authorizations that are about to run out."""
    return [
        Finding(
            each.tenant_id,
            each.tenant_id,
            f"{each.count} authorizations run out uncaptured, the first at {_time(each.at)}.",
        )
        for each in ending
    ]


def evidence(due: Iterable[EvidenceDue]) -> list[Finding]:
    """Disputes that will be lost for want of an answer."""
    return [
        Finding(each.dispute_id, each.tenant_id, f"Evidence is due at {_time(each.at)}.")
        for each in due
    ]


def undelivered(given_up: Iterable[tuple[str, int]]) -> list[Finding]:
    """Channels that do not take what is to be told."""
    return [
        Finding(channel, None, f"{count} notices to {channel} were given up since a day.")
        for channel, count in given_up
    ]


def with_all(outcomes: Sequence[Outcomes]) -> list[Outcomes]:
    """The outcomes, and before them what they come to together where they are several."""
    if len(outcomes) == 1:
        return list(outcomes)
    good, bad = sum(each.good for each in outcomes), sum(each.bad for each in outcomes)
    return [Outcomes(PLATFORM_SUBJECT, None, good, bad), *outcomes]


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
