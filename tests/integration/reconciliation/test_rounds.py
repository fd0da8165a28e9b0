"""The daily rounds: from where they were left, through failures and restarts, till alerts end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from app.reconciling import reconcile_due
from domain.comparing import GRACE
from domain.errors import NotFound
from domain.payment import PaymentStatus
from domain.reconciliation_rounds import AGAIN, EVERY, FAILURES_MAX
from domain.reconciling import WIDTH
from domain.refund import RefundStatus
from tests.integration.alerts.watch import Watch
from tests.integration.domain.calls import refund
from tests.integration.domain.gateways import Desk, connect
from tests.integration.reconciliation.reconciled import LATER, Reconciling
from tests.integration.reconciliation.test_left import given_up_wrongly, intent_of
from tests.integration.reconciliation.test_repairs import BOOKED_SECONDS
from tests.integration.webhooks.shop import USER, Shop

DAY = EVERY.total_seconds()


async def rows(shop: Shop) -> list[tuple[object, ...]]:
    """Gateway row, how often repaired, failures, error."""
    found = await shop.rows(
        "select gateway_id, repaired, failures, error_message from reconciliations"
        " order by gateway_id"
    )
    return [tuple(row) for row in found]


async def differences(shop: Shop) -> list[tuple[object, ...]]:
    """What is left: label and subject."""
    return await shop.rows("select label, subject_id from reconciliation_differences")


async def test_each_account_once_a_day(shop: Shop, reconciling: Reconciling) -> None:
    """What was missed is repaired by the round in which it is old enough, counted; none is due
    again before the next day."""
    first = await reconciling.round(after=0.0)
    soon = await reconciling.round(after=DAY - 60)
    payment = await shop.lose_the_answer()
    await asyncio.sleep(BOOKED_SECONDS)
    young = await reconciling.round(after=61)
    untouched = await shop.now_of(payment)
    old = await reconciling.round(after=DAY)
    repaired = await shop.now_of(payment)

    assert first is not None
    assert soon is None
    assert young is not None
    assert old is not None
    assert untouched.status is PaymentStatus.PENDING
    assert repaired.status is PaymentStatus.PAID
    assert old.row.repaired == 1
    assert old.row.reconciled_until >= shop.clock.now() - GRACE - timedelta(seconds=5)
    assert await rows(shop) == [(first.account.id, 1, 0, None)]


async def test_a_difference_alerts_until_it_is_gone(
    shop: Shop, reconciling: Reconciling, database_url: str
) -> None:
    """`reconciliation.difference` of the account opens, stays through a day on which nothing new
    differs, and closes once the money went back."""
    watch = Watch.of(shop, database_url)
    account = await shop.endpoints.platform_gateway_id()
    alert = ("reconciliation.difference", account)
    await reconciling.round(after=0.0)
    payment = await given_up_wrongly(shop)
    await reconciling.round(after=DAY)
    opened, left = await watch.look(), await differences(shop)
    await reconciling.round(after=DAY)
    still = await watch.look()
    await shop.call_stripe("refunds", payment_intent=await intent_of(shop, payment))
    await reconciling.round(after=DAY + LATER)
    gone = await watch.look()
    await watch.platform.dispose()

    assert left == [("late_money", payment.id)]
    assert alert in opened
    assert alert in still
    assert alert not in gone
    assert await differences(shop) == []


async def test_an_account_that_cannot_be_read(
    shop: Shop, reconciling: Reconciling, database_url: str
) -> None:
    """It is tried again within the hour, alerts as `reconciliation.failed` after some failures,
    holds up no other account, and goes on where it was."""
    watch = Watch.of(shop, database_url)
    desk = Desk.of(shop)
    connected = (await desk.configure(connect(await desk.connected(shop.tenant.id)))).profile.id
    alert = ("reconciliation.failed", connected)
    for _ in range(2):
        await reconciling.round(after=0.0)
    payment = await shop.lose_the_answer()
    await shop.control.order_fault(
        "unavailable", method="GET", path="/v1/balance_transactions", times=None
    )
    failures: list[int] = []
    for after in (DAY, 0.0, *(AGAIN.total_seconds(), 0.0) * (FAILURES_MAX - 1)):
        ended = await reconciling.round(after=after)
        assert ended is not None
        failures.append(ended.row.failures)
    found = await watch.look()
    await shop.control.clear_faults()
    for _ in range(3):
        await reconciling.round(after=AGAIN.total_seconds())
    mended = await watch.look()
    await watch.platform.dispose()

    assert failures == [1, 1, 2, 2, 3, 3]
    assert alert in found
    assert alert not in mended
    assert (await shop.now_of(payment)).status is PaymentStatus.PAID


async def test_a_round_is_broken_off_between_spans(shop: Shop, reconciling: Reconciling) -> None:
    """What was done stays done: another process goes on after it."""
    await reconciling.round(after=0.0)
    begin = datetime.now(UTC)
    shop.clock.advance(DAY)
    under_way = await reconciling.rounds.due(livemode=False)
    assert under_way is not None
    once = await reconciling.rounds.step(under_way)
    again = await reconciling.rounds.due(livemode=False)

    assert not once.is_over
    assert again is not None
    assert again.begin > under_way.begin
    assert again.row.reconciled_until >= begin + WIDTH - timedelta(hours=2)


async def test_the_worker_does_all_that_is_due(shop: Shop, reconciling: Reconciling) -> None:
    """And nothing once it is told to stop, or its turn is over."""
    desk, stop, stopped = Desk.of(shop), asyncio.Event(), asyncio.Event()
    await desk.configure(connect(await desk.connected(shop.tenant.id)))
    stopped.set()
    await reconcile_due(reconciling.rounds, stopped, livemode=False)
    await reconcile_due(reconciling.rounds, stop, livemode=False, turn_seconds=0.0)
    before = await rows(shop)
    await reconcile_due(reconciling.rounds, stop, livemode=False)

    assert before == []
    assert len(await rows(shop)) == 2
    assert await reconciling.rounds.due(livemode=False) is None


async def test_what_was_under_way_for_days(shop: Shop, reconciling: Reconciling) -> None:
    """Authorizations of a week ago that ran out, which moves no money, and a refund that came to
    its end: read whenever they were made, a page after another."""
    await reconciling.round(after=0.0)
    payments = [await shop.authorize() for _ in range(5)]
    pending = await shop.charge("pm_card_pendingRefund")
    done = await shop.payments.refund(USER, shop.tenant.id, refund(pending, 500))
    for _ in range(6):
        await reconciling.round(after=DAY)
    held = [(await shop.now_of(payment)).status for payment in payments]
    await reconciling.round(after=2 * DAY)
    ended = await reconciling.round(after=DAY)
    statuses = [(await shop.now_of(payment)).status for payment in payments]

    assert done.refund.status is RefundStatus.PENDING
    assert (await shop.refunds_of(pending))[0].status is RefundStatus.SUCCEEDED
    assert held == [PaymentStatus.AUTHORIZED] * 5
    assert statuses == [PaymentStatus.EXPIRED] * 5
    assert ended is not None
    assert ended.row.looked_until is None


async def test_a_round_that_was_asked_for_looks_at_all(
    shop: Shop, reconciling: Reconciling
) -> None:
    """Also at payments under way that a daily round had looked at before it was broken off."""
    await reconciling.round(after=0.0)
    payment = await shop.authorize()
    await reconciling.round(after=DAY)
    await shop.write("update reconciliations set looked_until = :id", id=payment.id)
    await shop.call_stripe(f"payment_intents/{payment.gateway_payment_id}/cancel")
    shop.clock.advance(LATER)
    account = await shop.endpoints.platform_gateway_id()
    under_way = await reconciling.rounds.asked(account, shop.clock.now() - timedelta(hours=1))
    while not under_way.is_over:
        under_way = await reconciling.rounds.step(under_way)

    assert (await shop.now_of(payment)).status is PaymentStatus.CANCELED


async def test_an_account_with_much_to_read_holds_up_no_other(
    shop: Shop, reconciling: Reconciling
) -> None:
    """It has its time and is put back behind the others, one span further."""
    desk = Desk.of(shop)
    await desk.configure(connect(await desk.connected(shop.tenant.id)))
    stop = asyncio.Event()
    await reconcile_due(reconciling.rounds, stop, livemode=False)
    shop.clock.advance(3 * DAY)
    first = await reconciling.rounds.due(livemode=False)
    assert first is not None
    await reconciling.rounds.put_back(await reconciling.rounds.step(first))
    second = await reconciling.rounds.due(livemode=False)
    await reconcile_due(reconciling.rounds, stop, livemode=False, account_seconds=0.0)
    until = await shop.rows("select reconciled_until, failures from reconciliations")

    assert second is not None
    assert second.account.id != first.account.id
    assert await reconciling.rounds.due(livemode=False) is None
    assert all(at > shop.clock.now() - timedelta(hours=1) for at, _ in until)
    assert [failures for _, failures in until] == [0, 0]


async def test_an_account_switched_off_and_never_used(shop: Shop, reconciling: Reconciling) -> None:
    """It is passed over until the next day, and the others are not."""
    desk = Desk.of(shop)
    account_id = await desk.connected(shop.tenant.id)
    await desk.configure(connect(account_id))
    await desk.configure(connect(account_id, is_enabled=False))
    shop.clock.advance(3 * DAY)
    first = await reconciling.round(after=0.0)
    second = await reconciling.round(after=0.0)
    behind = await shop.rows("select min(reconciled_until) from reconciliations")

    assert first is not None
    assert first.account.id == await shop.endpoints.platform_gateway_id()
    assert second is None
    assert behind[0][0] > shop.clock.now() - timedelta(hours=1)


async def test_a_round_that_was_asked_for_leaves_the_daily_one(
    shop: Shop, reconciling: Reconciling
) -> None:
    """One that begins later leaves out what lies between: the daily round is due as before."""
    await reconciling.round(after=0.0)
    account = await shop.endpoints.platform_gateway_id()
    shop.clock.advance(2 * DAY)
    since = shop.clock.now() - timedelta(hours=3)
    under_way = await reconciling.rounds.asked(account, since)
    while not under_way.is_over:
        under_way = await reconciling.rounds.step(under_way)
    due = await reconciling.rounds.due(livemode=False)

    assert under_way.row.error_message is None
    assert due is not None
    assert due.begin < since
    with pytest.raises(NotFound):
        await reconciling.rounds.asked("gw_none", since)
