"""What becomes of an alert: it escalates, is acknowledged, ends, and may come again."""

from __future__ import annotations

import asyncio

import pytest

from app.beat import RequestTally
from app.books import check_books
from db.ledger_checks import SqlLedgerCheckDatabase
from domain.alert import Alert
from domain.alert_rules import RULES, AlertRule, Clearing
from domain.errors import GatewayUnavailable, NotFound
from domain.gateways.stripe_gateway import StripeGateway
from domain.ids import Prefix, new_id
from domain.ledger_checks import LedgerChecks
from domain.payment import PaymentStatus
from domain.services import PaymentService
from domain.signs import ProcessKind
from tests.integration.alerts.watch import ADMINISTRATOR, Watch
from tests.integration.webhooks.shop import USER, Shop


async def a_late_event(shop: Shop, watch: Watch) -> Alert:
    """An alert of the rule webhook.lag, which is HIGH."""
    await shop.charge()
    await shop.receive((await shop.gateway_events())[0])
    shop.clock.advance(301)
    await watch.rounds.run()
    (alert,) = await watch.open()
    return alert


async def opened(shop: Shop, rule: AlertRule, subject_id: str) -> Alert:
    """An alert of a rule that is opened where a fact is written."""
    alert = Alert(
        id=new_id(Prefix.ALERT),
        rule=rule.value,
        severity=RULES[rule].severity,
        subject_id=subject_id,
        message="It happened.",
        tenant_id=shop.tenant.id,
        opened_at=shop.clock.now(),
    )
    async with shop.database.begin(shop.tenant.id) as work:
        assert await work.alerts.open(alert)
        await work.commit()
    return alert


async def test_it_escalates_until_somebody_looks(shop: Shop, watch: Watch) -> None:
    """HIGH is to be acknowledged within 15 minutes: after that it is CRITICAL, and told again at
    growing distances; once acknowledged it rests."""
    alert = await a_late_event(shop, watch)
    await watch.pass_rounds(14 * 60)
    assert [(each.severity, each.escalations) for each in await watch.open()] == [("HIGH", 0)]

    seen = []
    for _ in range(60):
        await watch.pass_rounds(60)
        (now,) = await watch.open()
        seen.append((now.severity, now.escalations))
    assert seen[1] == ("CRITICAL", 1)
    # after 15 minutes, then 5, 10 and 20 minutes apart
    assert [count for _, count in seen].count(1) == 5
    assert [count for _, count in seen].count(2) == 10
    assert [count for _, count in seen].count(3) == 20

    await watch.service.acknowledge(ADMINISTRATOR, alert.id)
    await watch.pass_rounds(3600)
    (rests,) = await watch.open()
    assert (rests.severity, rests.escalations) == seen[-1]


async def test_it_is_one_alert_while_it_lasts(shop: Shop, watch: Watch) -> None:
    """Seen again it is the same one, in newer words; gone for less than three minutes it stays;
    after it was over, it is another."""
    alert = await a_late_event(shop, watch)
    await watch.pass_rounds(120)
    (again,) = await watch.open()
    assert again.id == alert.id
    assert again.message != alert.message

    await shop.work_off()
    await watch.pass_rounds(120)
    assert [each.id for each in await watch.open()] == [alert.id]
    await watch.pass_rounds(120)
    assert await watch.open() == []

    await shop.receive((await shop.gateway_events())[1])
    shop.clock.advance(301)
    await watch.rounds.run()
    (other,) = await watch.open()
    assert other.id != alert.id


async def test_a_standstill_of_the_rounds_closes_nothing(shop: Shop, watch: Watch) -> None:
    """An hour without a round is no hour without the fault."""
    alert = await a_late_event(shop, watch)
    shop.clock.advance(3600)
    await watch.rounds.run()
    assert [each.id for each in await watch.open()] == [alert.id]


async def test_who_acknowledges_is_written_down(shop: Shop, watch: Watch) -> None:
    """In the alert and the tenant's audit; the first one stays, and a repetition adds nothing."""
    alert = await opened(shop, AlertRule.GATEWAY_DISABLED, "gw_1")

    first = await watch.service.acknowledge(ADMINISTRATOR, alert.id)
    again = await watch.service.acknowledge(USER, alert.id)

    assert (first.acknowledged_by, first.is_open) == (ADMINISTRATOR.id, True)
    assert again == first
    assert await shop.rows(
        "select tenant_id, actor_id, action from audit_log where subject_id = :id", id=alert.id
    ) == [(shop.tenant.id, ADMINISTRATOR.id, "alert.acknowledged")]
    with pytest.raises(NotFound):
        await watch.service.acknowledge(ADMINISTRATOR, new_id(Prefix.ALERT))


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if RULES[rule].clearing is Clearing.ACKNOWLEDGED]
)
async def test_what_is_past_ends_with_the_acknowledgement(
    shop: Shop, watch: Watch, rule: AlertRule
) -> None:
    """There is nothing that could be mended: once somebody knows, it is over."""
    alert = await opened(shop, rule, "pay_1")
    await watch.pass_rounds(3600)
    assert [each.id for each in await watch.open()] == [alert.id]

    closed = await watch.service.acknowledge(ADMINISTRATOR, alert.id)

    assert not closed.is_open
    assert await watch.open() == []


async def test_a_dead_event_ends_with_its_replay(shop: Shop, watch: Watch) -> None:
    """The event that was given up is worked off in the end."""
    await shop.charge()
    event = (await shop.gateway_events("payment_intent.succeeded"))[0]
    stored = await shop.receive(event)
    await shop.write(
        "update webhook_events set status = 'DEAD', attempts = 8, error_message = 'poison',"
        " processed_at = now() where id = :id",
        id=stored.id,
    )
    await opened(shop, AlertRule.WEBHOOK_DEAD, stored.id)
    assert await watch.look() == {("webhook.dead", stored.id)}

    await shop.write(
        "update webhook_events set status = 'RECEIVED', attempts_before_replay = attempts,"
        " error_message = null, processed_at = null, replayed_at = now(), replayed_by = 'ann'"
        " where id = :id",
        id=stored.id,
    )
    assert await watch.look() == {("webhook.dead", stored.id)}
    await shop.work_off()
    assert await watch.look() == set()


async def test_refused_credentials_end_with_a_call_that_is_answered(
    shop: Shop, watch: Watch, sandbox_url: str
) -> None:
    """A wrong key is told at once; the first answer to the right one ends it."""
    wrong = StripeGateway(secret_key="sk_wrong_1234567890", api_base=sandbox_url)
    payments = PaymentService(shop.database, wrong, shop.wake, shop.clock)
    with pytest.raises(GatewayUnavailable):
        await payments.charge(USER, shop.tenant.id, await shop.start_command())
    assert await watch.rules() == {"gateway.unauthorized"}

    await shop.charge()
    assert await watch.look() == set()
    await wrong.close()


async def test_the_books_are_right_again(shop: Shop, watch: Watch) -> None:
    """The alert about a difference ends with the check that finds none."""
    payment = await shop.charge()
    checks = LedgerChecks(SqlLedgerCheckDatabase(shop.worker))
    turn = (checks, shop.worker_database, shop.clock, asyncio.Event())
    wrong = "update payments set dispute_fee_cents = {0}, net_amount_cents = net_amount_cents {1}"
    await shop.write(wrong.format(1, "- 1") + " where id = :id", id=payment.id)
    await check_books(*turn)
    assert await watch.look() == {("ledger.difference", shop.tenant.id)}

    await shop.write(wrong.format(0, "+ 1") + " where id = :id", id=payment.id)
    await check_books(*turn)
    assert await watch.look() == set()


async def test_a_worker_that_was_replaced_is_forgotten(shop: Shop, watch: Watch) -> None:
    """Killed and never back: told of for an hour, then taken off the list."""
    await watch.heart(shop.worker, kind=ProcessKind.WORKER, tally=RequestTally()).beat()
    await watch.pass_rounds(50 * 60)
    assert await watch.rules() == {"worker.silent"}

    await watch.pass_rounds(15 * 60)
    assert await watch.rules() == set()
    assert await shop.rows("select id from processes") == []


async def test_rounds_of_two_workers_open_one_alert(
    shop: Shop, watch: Watch, database_url: str
) -> None:
    """At the same time, over the same fault."""
    await shop.charge()
    await shop.receive((await shop.gateway_events())[0])
    shop.clock.advance(301)
    other = Watch.of(shop, database_url)
    await asyncio.gather(*(each.rounds.run() for each in (watch, other, watch, other)))
    assert len(await watch.every()) == 1
    await other.platform.dispose()


async def test_an_answer_about_another_amount_is_told(shop: Shop, watch: Watch) -> None:
    """The gateway's intent is of another amount than the payment that we recorded: nothing is
    adopted, and somebody is told."""
    payment = await shop.lose_the_answer()
    await shop.write(
        "update payments set total_amount_cents = total_amount_cents + 1,"
        " net_amount_cents = net_amount_cents + 1 where id = :id",
        id=payment.id,
    )
    shop.books_are_whole = False
    shop.clock.advance(120)
    await shop.settler.settle_due(10)

    ((operation_id,),) = await shop.rows("select id from gateway_operations")
    assert await watch.look() == {("operation.snapshot_mismatch", operation_id)}
    assert (await shop.now_of(payment)).status is PaymentStatus.PENDING
