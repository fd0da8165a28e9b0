"""Rounds over the measured rules: what is amiss is opened, what is over is closed, and what nobody
looks at escalates."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from domain import alert_conditions as conditions
from domain.alert import Alert, escalated, escalates_at
from domain.alert_conditions import Finding
from domain.alert_ports import AlertDatabase, AlertFigures, Outcomes
from domain.alert_rules import QUIET, RULES, AlertRule
from domain.ids import Prefix, new_id
from domain.ports import Clock, DatabaseUnavailable
from domain.webhook_health import InboxHealthReads

GIVEN_UP_FOR = timedelta(days=1)
"""How long a notice that was given up is spoken of."""

SILENT_FOR = timedelta(hours=1)
"""A process that is silent for so long was replaced: its alert ends, which people have seen."""

COUNTED_FOR = timedelta(days=7)
"""How long the counts of requests are kept."""

EVERY: Mapping[AlertRule, timedelta] = {AlertRule.REFUND_RATE: timedelta(minutes=10)}
"""Rules that read too much to be looked at each round, and how far apart their looks are."""

_log = logging.getLogger(__name__)

_Look = Callable[[datetime], Awaitable[Sequence[Finding]]]


class AlertRounds:
    """The use case. Every call may raise DatabaseUnavailable."""

    def __init__(
        self,
        database: AlertDatabase,
        figures: AlertFigures,
        health: InboxHealthReads,
        clock: Clock,
    ) -> None:
        self._database = database
        self._figures = figures
        self._health = health
        self._clock = clock
        self._looked_at: dict[AlertRule, datetime] = {}
        self._looks: Mapping[AlertRule, _Look] = {
            AlertRule.PAYMENT_SUCCESS_RATE: self._payments,
            AlertRule.REFUND_RATE: self._refunds,
            AlertRule.WEBHOOK_SUCCESS_RATE: self._events,
            AlertRule.GATEWAY_ERROR_RATE: self._gateways,
            AlertRule.API_RESPONSE_TIME: self._response_times,
            AlertRule.API_ERROR_RATE: self._errors,
            AlertRule.OPERATION_UNKNOWN: self._unsettled,
            AlertRule.WEBHOOK_LAG: self._lag,
            AlertRule.WORKER_SILENT: self._silent,
            AlertRule.POOL_FULL: self._pools,
            AlertRule.AUTHORIZATION_EXPIRING: self._endings,
            AlertRule.DISPUTE_EVIDENCE_DUE: self._evidence,
            AlertRule.ALERT_UNDELIVERED: self._undelivered,
        }

    async def run(self) -> None:
        """One round. A rule that cannot be looked at leaves its alerts as they are, and stops no
        other; what stopped it is raised at the end."""
        fault: DatabaseUnavailable | None = None
        for rule in self._looks:
            try:
                await self._look_at(rule)
            except DatabaseUnavailable as away:
                _log.warning("alert rule %s could not be looked at: %s", rule, away)
                fault = away
        await self._follow()
        if fault is not None:
            raise fault

    async def _look_at(self, rule: AlertRule) -> None:
        now, last = self._clock.now(), self._looked_at.get(rule)
        if last is None or now - last >= EVERY.get(rule, timedelta(0)):
            await self._apply(rule, await self._looks[rule](now), now)
            self._looked_at[rule] = now

    async def _apply(self, rule: AlertRule, findings: Sequence[Finding], now: datetime) -> None:
        async with self._database.begin() as work:
            for finding in findings:
                await work.rounds.see(_alert(rule, finding, now))
            # After that: what was found for the first time since a standstill is not over.
            closed = await work.rounds.close_unseen(rule, seen_before=now - QUIET, now=now)
            await work.commit()
        if findings or closed:
            _log.info("alert rule %s: %d found, %d closed", rule, len(findings), closed)

    async def _follow(self) -> None:
        now = self._clock.now()
        async with self._database.begin() as work:
            await work.rounds.close_settled(now)
            for alert in await work.rounds.lock_waiting():
                due = escalates_at(alert)
                if due is not None and due <= now:
                    await work.rounds.escalate(escalated(alert, now))
            await work.rounds.forget_signs(
                silent_since=now - SILENT_FOR, counted_before=now - COUNTED_FOR
            )
            await work.commit()

    async def _payments(self, now: datetime) -> Sequence[Finding]:
        rule = AlertRule.PAYMENT_SUCCESS_RATE
        outcomes = await self._figures.payment_outcomes(now - RULES[rule].window)
        return conditions.success_rate(rule, "payments succeeded", outcomes)

    async def _refunds(self, now: datetime) -> Sequence[Finding]:
        window = RULES[AlertRule.REFUND_RATE].window
        return conditions.refund_rate(await self._figures.refund_outcomes(now - window))

    async def _events(self, now: datetime) -> Sequence[Finding]:
        rule = AlertRule.WEBHOOK_SUCCESS_RATE
        good, bad = await self._figures.event_outcomes(now - RULES[rule].window)
        outcomes = [Outcomes(conditions.PLATFORM_SUBJECT, None, good, bad)]
        return conditions.success_rate(rule, "events were processed", outcomes)

    async def _gateways(self, now: datetime) -> Sequence[Finding]:
        window = RULES[AlertRule.GATEWAY_ERROR_RATE].window
        return conditions.gateway_errors(await self._figures.gateway_outcomes(now - window))

    async def _response_times(self, now: datetime) -> Sequence[Finding]:
        rule = AlertRule.API_RESPONSE_TIME
        counts = await self._figures.request_counts(now - RULES[rule].window)
        return conditions.requests(rule, "took over 3 seconds", counts, counts.slow)

    async def _errors(self, now: datetime) -> Sequence[Finding]:
        rule = AlertRule.API_ERROR_RATE
        counts = await self._figures.request_counts(now - RULES[rule].window)
        return conditions.requests(rule, "were answered with a fault", counts, counts.failed)

    async def _unsettled(self, now: datetime) -> Sequence[Finding]:
        limit = timedelta(seconds=RULES[AlertRule.OPERATION_UNKNOWN].threshold)
        return conditions.unsettled(await self._figures.unsettled(now - limit), now)

    async def _lag(self, now: datetime) -> Sequence[Finding]:
        return conditions.lag(await self._health.inbox_health(now))

    async def _silent(self, now: datetime) -> Sequence[Finding]:
        return conditions.silent(await self._figures.signs(), now)

    async def _pools(self, now: datetime) -> Sequence[Finding]:
        return conditions.full_pools(await self._figures.signs(), now)

    async def _endings(self, now: datetime) -> Sequence[Finding]:
        ahead = timedelta(seconds=RULES[AlertRule.AUTHORIZATION_EXPIRING].threshold)
        return conditions.endings(await self._figures.authorizations_ending(now + ahead))

    async def _evidence(self, now: datetime) -> Sequence[Finding]:
        ahead = timedelta(seconds=RULES[AlertRule.DISPUTE_EVIDENCE_DUE].threshold)
        return conditions.evidence(await self._figures.evidence_due(now, now + ahead))

    async def _undelivered(self, now: datetime) -> Sequence[Finding]:
        return conditions.undelivered(await self._figures.given_up(now - GIVEN_UP_FOR))


def _alert(rule: AlertRule, finding: Finding, now: datetime) -> Alert:
    return Alert(
        id=new_id(Prefix.ALERT),
        rule=rule.value,
        severity=RULES[rule].severity,
        subject_id=finding.subject_id,
        message=finding.message,
        tenant_id=finding.tenant_id,
        opened_at=now,
    )
