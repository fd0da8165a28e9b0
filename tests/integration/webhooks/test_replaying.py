"""Replays: events that ended are worked off once more, once for each time that somebody says so."""

from __future__ import annotations

import asyncio

import pytest

from domain.caller import Actor
from domain.errors import AttemptedOperation, DomainError, InvalidState, NotFound
from domain.ids import Prefix, new_id
from domain.inbox import WebhookEventStatus
from domain.inbox_reading import EventFilter
from domain.payment import PaymentStatus
from tests.integration.webhooks.replays import (
    ANN,
    BOB,
    a_dead_event,
    bury,
    everything,
    lines,
    many_dead,
    replays_of,
)
from tests.integration.webhooks.shop import Shop, try_event

DEAD = WebhookEventStatus.DEAD
BOOKS = """select
    (select count(*) from refunds), (select count(*) from gateway_operations),
    (select sum(captured_amount_cents) from payments),
    (select sum(refunded_amount_cents) from payments), (select max(version) from payments),
    (select count(*) from audit_log where action not like 'webhook_event.%')"""


async def test_a_dead_event_is_worked_off_after_all(shop: Shop) -> None:
    """It waits again without its error, its tries begin anew, the worker does the rest, and the try
    is one by hand."""
    payment, dead = await a_dead_event(shop)
    done = await replays_of(shop).replay(ANN, shop.tenant.id, dead.id)
    waiting = await shop.event(dead.id)
    await shop.work_off()
    after = await shop.event(dead.id)

    assert (done.status, done.attempts, done.error_message) == ("RECEIVED", 8, None)
    assert (done.replayed_at, done.replayed_by) == (waiting.replayed_at, "ann")
    assert (waiting.attempts, waiting.attempts_before_replay, waiting.tries) == (8, 8, 0)
    assert (after.status, after.attempts, after.replayed_by) == ("PROCESSED", 9, "ann")
    assert (await shop.now_of(payment)).status is PaymentStatus.PAID
    assert await shop.rows("select number, outcome, is_manual from webhook_attempts") == [
        (9, "PROCESSED", True)
    ]
    ((who, subject, before, told),) = await lines(shop)
    assert (who, subject) == ("ann", dead.id)
    assert (before["status"], told["status"], told["attempts"]) == ("DEAD", "RECEIVED", 8)
    assert (before["replayed_at"], told["event_id"]) == (None, dead.event_id)


@pytest.mark.parametrize("kind", ["charge.succeeded", "charge.refunded", "payment_intent.created"])
async def test_what_took_effect_has_none_again(shop: Shop, kind: str) -> None:
    """An event that was PROCESSED, or IGNORED, changes no amount, refund or line again."""
    paid = await shop.charge()
    await shop.call_stripe("refunds", payment_intent=str(paid.gateway_payment_id), amount="4000")
    for event in await shop.gateway_events():
        await shop.receive(event)
    await shop.work_off()
    books = await shop.rows(BOOKS)
    ((event_id, status),) = await shop.rows(
        "select id, status from webhook_events where event_type = :kind", kind=kind
    )
    await shop.write(
        "update webhook_events set tenant_id = :tenant where id = :id",
        tenant=shop.tenant.id, id=event_id,
    )  # fmt: skip
    for _ in range(2):
        await replays_of(shop).replay(ANN, shop.tenant.id, event_id)
        await shop.work_off()

    assert await shop.rows(BOOKS) == books
    after = await shop.event(event_id)
    assert (after.status, after.attempts) == (status, 3)
    assert (await shop.now_of(paid)).refunded == 4_000


async def test_one_of_two_wins(shop: Shop) -> None:
    """Two administrators at once: one has replayed it, the other is told; it happens many times."""
    event_ids = await many_dead(shop, 20)
    service = replays_of(shop)

    async def ask(actor: Actor, event_id: str) -> str:
        try:
            return str((await service.replay(actor, shop.tenant.id, event_id)).replayed_by)
        except InvalidState as refusal:
            return str(refusal.detail_code)

    pairs = [await asyncio.gather(ask(ANN, event_id), ask(BOB, event_id)) for event_id in event_ids]

    assert all(pair.count("EVENT_IN_PROGRESS") == 1 for pair in pairs)
    assert [who for who, *_ in await lines(shop)] == [
        next(name for name in pair if name != "EVENT_IN_PROGRESS") for pair in pairs
    ]


async def test_a_replay_races_the_worker(shop: Shop) -> None:
    """Replays and workers all at once: each replay is worked off by one try of its own, and none is
    lost; the payment is paid once."""
    payment, dead = await a_dead_event(shop)
    service = replays_of(shop)
    done = 0

    async def insist() -> None:
        nonlocal done
        for _ in range(20):
            try:
                await service.replay(ANN, shop.tenant.id, dead.id)
                done += 1
            except InvalidState:
                await asyncio.sleep(0.005)

    async def work() -> None:
        for _ in range(30):
            await try_event(shop.events, dead.id)
            await asyncio.sleep(0.003)

    await asyncio.gather(insist(), insist(), work(), work())
    await shop.work_off()
    after = await shop.event(dead.id)

    assert done > 1
    assert (after.status, after.attempts) == ("PROCESSED", 8 + done)
    assert len(await lines(shop)) == done
    assert await shop.rows("select count(*) from webhook_attempts where is_manual") == [(done,)]
    paid = await shop.now_of(payment)
    assert (paid.status, paid.captured) == ("PAID", 10_000)
    assert (await shop.timeline(payment)).count("payment.paid") == 1


@pytest.mark.parametrize("status", ["RECEIVED", "PROCESSING", "RETRY"])
async def test_an_event_that_is_not_over_is_refused(shop: Shop, status: str) -> None:
    """Waiting or under way: nothing is written."""
    _, dead = await a_dead_event(shop)
    await shop.write(
        "update webhook_events set status = :status, lease_until = now(), next_attempt_at = now()",
        status=status,
    )
    await refused(shop, dead.id, "EVENT_IN_PROGRESS", retryable=True)


@pytest.mark.parametrize("status", ["DEAD", "PROCESSED", "IGNORED"])
async def test_an_event_without_its_payload_is_refused(shop: Shop, status: str) -> None:
    """There is nothing to work off: nothing is written."""
    _, dead = await a_dead_event(shop)
    await shop.write("update webhook_events set status = :status, payload = '{}'", status=status)
    await refused(shop, dead.id, "PAYLOAD_MISSING", retryable=False)


async def refused(shop: Shop, event_id: str, code: str, *, retryable: bool) -> None:
    """The replay is refused with this code, and no row and no line is different."""
    before = await everything(shop)
    with pytest.raises(InvalidState) as told:
        await replays_of(shop).replay(ANN, shop.tenant.id, event_id)
    assert (told.value.detail_code, told.value.retryable) == (code, retryable)
    assert told.value.attempted is AttemptedOperation.REPLAY
    assert await everything(shop) == before


async def test_a_foreign_event_is_a_missing_one(shop: Shop) -> None:
    """Another tenant's, one routed to nobody, and none at all: the same answer, nothing written."""
    (foreign,) = await many_dead(shop, 1, tenant="ten_another")
    (unrouted,) = await many_dead(shop, 1, tenant=None)
    missing = new_id(Prefix.WEBHOOK_EVENT)
    before = await everything(shop)
    told: list[DomainError] = []
    for event_id in (foreign, unrouted, missing):
        with pytest.raises(NotFound) as error:
            await replays_of(shop).replay(ANN, shop.tenant.id, event_id)
        told.append(error.value)

    assert [error.message for error in told] == ["No object with this id."] * 3
    done = await replays_of(shop).replay_dead(ANN, shop.tenant.id, EventFilter())
    assert (done.replayed, done.skipped, done.remaining) == (0, 0, 0)
    assert await everything(shop) == before


async def test_an_event_dies_again_with_its_alert(shop: Shop) -> None:
    """The tries begin anew, so that it has all of them; the alert that is open stays the one."""
    payment, dead = await a_dead_event(shop)
    await shop.control.order_fault(
        "unavailable", method="GET", path="/v1/payment_intents/pi_[^/]+", times=16
    )
    for _ in range(2):
        await bury(shop, dead.id, payment)
        await replays_of(shop).replay(ANN, shop.tenant.id, dead.id)
        for _ in range(8):
            await shop.work_off()
            shop.clock.advance(24 * 3600)
    after = await shop.event(dead.id)

    assert after.status is DEAD
    assert [rule for rule, _, subject in await shop.alerts() if subject == dead.id] == [
        "webhook.dead"
    ]
