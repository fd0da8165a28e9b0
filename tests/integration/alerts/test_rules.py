"""Every measured rule is fired by its fault, and ends with it; a clean hour has none."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from app.beat import RequestTally
from db.engine import connected, make_engine
from db.roles import DatabaseRole
from domain.alert_rules import RULES, AlertRule, Clearing
from domain.errors import PaymentDeclined
from domain.signs import ProcessKind
from tests.integration.alerts.watch import Watch
from tests.integration.webhooks.disputed import Disputed
from tests.integration.webhooks.shop import Shop

PLATFORM = "platform"
DECLINED = "pm_card_visa_chargeDeclined"
GONE_SECONDS = 240.0
"""Longer than a fault must be gone before its alert closes."""


async def charges(shop: Shop, count: int) -> None:
    """So many payments that succeed."""
    for _ in range(count):
        await shop.charge()


async def declines(shop: Shop, count: int) -> None:
    """So many payments that fail."""
    for _ in range(count):
        with pytest.raises(PaymentDeclined):
            await shop.charge(DECLINED)


async def test_too_many_payments_fail(shop: Shop, watch: Watch) -> None:
    """18 of 20 is below 95 %: critical, for the tenant alone, and over once the payments have left
    the window. 19 of 20 is no alert."""
    await charges(shop, 19)
    await declines(shop, 1)
    assert await watch.rules() == set()

    await declines(shop, 1)
    assert await watch.look() == {("payment.success_rate", shop.tenant.id)}
    (alert,) = await watch.open()
    assert (alert.severity, alert.tenant_id) == ("CRITICAL", shop.tenant.id)
    assert "19 of 21 payments succeeded since 15 minutes" in alert.message

    shop.clock.advance(16 * 60)
    assert await watch.look() == set()


async def test_too_few_payments_tell_nothing(shop: Shop, watch: Watch) -> None:
    """Below the sample nothing is found, however bad it looks."""
    await declines(shop, 3)
    assert await watch.rules() == set()


async def test_too_many_refunds(shop: Shop, watch: Watch) -> None:
    """2 refunds for 20 captured payments are over 5 %; 1 is not."""
    await charges(shop, 18)
    refunded = [Disputed(shop, await shop.charge()) for _ in range(2)]
    await refunded[0].refund()
    assert await watch.rules() == set()

    await refunded[1].refund()
    shop.clock.advance(601)  # the rule is looked at every ten minutes
    assert await watch.look() == {("refund.rate", shop.tenant.id)}


async def test_too_many_events_fail(shop: Shop, watch: Watch) -> None:
    """2 of 20 events that were given up are more than 5 %."""
    await charges(shop, 7)
    events = await shop.gateway_events()
    for event in events:
        await shop.receive(event)
    await shop.work_off()
    assert await watch.rules() == set()

    for number in range(len(events) // 19 + 2):
        await shop.receive(events[0], id=f"evt_{number}", created=float("inf"))
    assert ("webhook.success_rate", PLATFORM) in await watch.look()


async def test_too_many_operations_without_outcome(shop: Shop, watch: Watch) -> None:
    """2 of 10 operations through a gateway row have no outcome."""
    await charges(shop, 8)
    payment = await shop.lose_the_answer()
    await shop.lose_the_answer()

    assert await watch.look() == {("gateway.error_rate", payment.gateway_id)}

    async with asyncio.timeout(10):
        while await shop.settler.settle_due(10):
            pass
    shop.clock.advance(60)
    await shop.settler.settle_due(10)
    await watch.rounds.run()
    shop.clock.advance(GONE_SECONDS)
    assert await watch.look() == set()


async def test_an_operation_stays_unknown(shop: Shop, watch: Watch) -> None:
    """After 15 minutes somebody is told, and the settled operation ends it."""
    await shop.lose_the_answer()
    assert await watch.rules() == set()

    shop.clock.advance(901)
    assert await watch.look() == {("operation.unknown", shop.tenant.id)}

    await shop.settler.settle_due(10)
    await watch.rounds.run()
    shop.clock.advance(GONE_SECONDS)
    assert await watch.look() == set()


async def test_an_event_waits_for_a_worker(shop: Shop, watch: Watch) -> None:
    """Nobody works off what came: after five minutes somebody is told."""
    await shop.charge()
    for event in await shop.gateway_events():
        await shop.receive(event)
    assert await watch.rules() == set()

    shop.clock.advance(301)
    assert await watch.look() == {("webhook.lag", PLATFORM)}

    await shop.work_off()
    await watch.rounds.run()
    shop.clock.advance(GONE_SECONDS)
    assert await watch.look() == set()


@pytest.mark.parametrize(
    ("rule", "seconds", "failed"),
    [("api.response_time", 3.2, False), ("api.error_rate", 0.1, True)],
)
async def test_the_api_is_slow_or_fails(
    shop: Shop, watch: Watch, *, rule: str, seconds: float, failed: bool
) -> None:
    """One in ten requests is slow, or is answered with a fault of ours."""
    tally = RequestTally()
    stop = asyncio.Event()
    for number in range(200):
        amiss = number % 10 == 0
        tally.count(seconds if amiss else 0.01, failed=failed and amiss)
    stop.set()
    heart = watch.heart(shop.api, tally=tally)
    await heart.beat()

    assert await watch.look() == {(rule, PLATFORM)}
    shop.clock.advance(20 * 60)
    await heart.beat()
    assert await watch.rules() == set()


async def test_a_worker_falls_silent(shop: Shop, watch: Watch) -> None:
    """One that beats is fine; one that says goodbye is fine; one that does neither is told of."""
    stop = asyncio.Event()
    stop.set()
    left = watch.heart(shop.worker, kind=ProcessKind.WORKER, tally=RequestTally())
    await left.beat()
    await left.run(stop)
    hung = watch.heart(shop.worker, kind=ProcessKind.WORKER, tally=RequestTally())
    await hung.beat()
    assert await watch.rules() == set()

    shop.clock.advance(31)
    assert await watch.look() == {("worker.silent", hung.process_id)}

    await hung.beat()
    await watch.rounds.run()
    shop.clock.advance(GONE_SECONDS)
    await hung.beat()
    assert await watch.look() == set()


async def test_a_pool_is_full(shop: Shop, watch: Watch, database_url: str) -> None:
    """Its one connection is held: after 15 seconds somebody is told, though no connection is left
    to the process itself."""
    pool = make_engine(database_url, pool_size=1, role=DatabaseRole.API)
    heart = watch.heart(pool, tally=RequestTally())
    async with connected(pool):
        await heart.beat()
        assert await watch.rules() == set()
        shop.clock.advance(16)
        await heart.beat()
        assert await watch.look() == {("pool.full", heart.process_id)}

    await heart.beat()  # free for an instant
    async with connected(pool):
        await heart.beat()
        assert await watch.look() == {("pool.full", heart.process_id)}
    for _ in range(3):
        await heart.beat()
    await watch.rounds.run()
    shop.clock.advance(GONE_SECONDS)
    await heart.beat()
    assert await watch.look() == set()
    await pool.dispose()


async def test_an_authorization_runs_out(shop: Shop, watch: Watch) -> None:
    """A day before its end, unless it is captured."""
    payment = await shop.authorize()
    assert payment.capture_before is not None
    assert await watch.rules() == set()

    left = payment.capture_before - shop.clock.now()
    shop.clock.ahead += left - timedelta(hours=23)
    assert ("authorization.expiring", shop.tenant.id) in await watch.look()


async def test_evidence_is_due(shop: Shop, watch: Watch) -> None:
    """Two days before it is due, while the bank waits for it; the dispute itself was told at once
    and is over when it is decided."""
    disputed = Disputed(shop, await shop.charge())
    await disputed.hear()
    gateway_id = await disputed.open()
    await disputed.hear()
    dispute = await disputed.one()
    assert dispute.evidence_due_at is not None
    assert await watch.look() == {("dispute.opened", dispute.id)}

    shop.clock.ahead += dispute.evidence_due_at - shop.clock.now() - timedelta(hours=47)
    assert ("dispute.evidence_due", dispute.id) in await watch.look()

    await disputed.go(gateway_id, "under_review", "won")
    await watch.rounds.run()
    shop.clock.advance(GONE_SECONDS)
    assert {rule for rule, _ in await watch.look()} == set()


async def test_a_clean_hour_has_no_alert(shop: Shop, watch: Watch) -> None:
    """Payments, a decline, a refund, an authorization that is captured, and their events, with
    three rounds a minute: nothing is opened, not even for a moment."""
    heart = watch.heart(shop.api, tally=(tally := RequestTally()))
    await charges(shop, 24)
    await declines(shop, 1)
    await Disputed(shop, await shop.charge()).refund()
    await shop.authorize()
    for event in await shop.gateway_events():
        await shop.receive(event)
    await shop.work_off()
    for _ in range(180):
        for _ in range(20):
            tally.count(0.05, failed=False)
        shop.clock.advance(20)
        await heart.beat()
        await watch.rounds.run()

    assert await watch.every() == []


def test_every_measured_rule_is_fired_above() -> None:
    """A rule that is added has its fault here."""
    text = Path(__file__).read_text(encoding="utf-8")
    measured = {rule for rule, terms in RULES.items() if terms.clearing is Clearing.MEASURED}
    untested = {rule for rule in measured if f'"{rule}"' not in text}
    assert untested == {AlertRule.ALERT_UNDELIVERED}
