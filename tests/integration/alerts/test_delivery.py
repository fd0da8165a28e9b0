"""Alerts reach people: each stage once through each channel, whatever fails on the way."""

from __future__ import annotations

import asyncio

import pytest

from domain.alert_notice import TRIES_MAX
from tests.integration.alerts.sinks import Told
from tests.integration.alerts.test_life import a_late_event
from tests.integration.alerts.watch import ADMINISTRATOR, Watch
from tests.integration.webhooks.shop import Shop

OPENED, ESCALATED, CLOSED = (("webhook.lag", stage) for stage in ("OPENED", "ESCALATED", "CLOSED"))


async def test_each_stage_is_told_once(shop: Shop, watch: Watch) -> None:
    """Opened, escalated, over; however often the sender looks."""
    chat, mail = Told(), Told()
    delivery = watch.delivery({"chat": chat, "email": mail})
    await a_late_event(shop, watch)
    for _ in range(3):
        await delivery.run()
    assert chat.stages == mail.stages == [OPENED]

    await watch.pass_rounds(16 * 60)
    for _ in range(3):
        await delivery.run()
    assert chat.stages == [OPENED, ESCALATED]

    await shop.work_off()
    await watch.pass_rounds(5 * 60)
    for _ in range(3):
        await delivery.run()
    assert chat.stages == mail.stages == [OPENED, ESCALATED, CLOSED]


async def test_what_nobody_takes_is_tried_again(shop: Shop, watch: Watch) -> None:
    """Under the same id, later and later; the other channel is not held up."""
    chat, mail = Told(refuses="The room is closed."), Told()
    delivery = watch.delivery({"chat": chat, "email": mail})
    await a_late_event(shop, watch)
    await delivery.run()
    await delivery.run()
    assert (chat.tries, mail.stages) == (1, [OPENED])

    chat.refuses = None
    shop.clock.advance(2)
    await delivery.run()
    assert chat.stages == [OPENED]
    assert await shop.rows(
        "select attempts, due_at, delivered_at is not null from alert_notices"
        " where channel = 'chat'"
    ) == [(2, None, True)]


async def test_what_is_given_up_is_an_alert(shop: Shop, watch: Watch) -> None:
    """After TRIES_MAX tries, told by the channels that work."""
    chat, mail = Told(refuses="The room is closed."), Told()
    delivery = watch.delivery({"chat": chat, "email": mail})
    alert = await a_late_event(shop, watch)
    await watch.service.acknowledge(ADMINISTRATOR, alert.id)
    for _ in range(TRIES_MAX + 2):
        await delivery.run()
        shop.clock.advance(6 * 3600)
    assert chat.tries == TRIES_MAX

    await shop.write("update alert_notices set created_at = :now", now=shop.clock.now())
    assert ("alert.undelivered", "chat") in await watch.look()
    await delivery.run()
    assert ("alert.undelivered", "OPENED") in mail.stages


async def test_a_channel_that_is_gone_gets_nothing(shop: Shop, watch: Watch) -> None:
    """Taken out of the settings with notices under way: those are given up."""
    closed = Told(refuses="The room is closed.")
    await a_late_event(shop, watch)
    await watch.delivery({"chat": closed}).run()

    shop.clock.advance(2)
    await watch.delivery({}).run()
    assert await shop.rows("select due_at, delivered_at, error_message from alert_notices") == [
        (None, None, "The channel is no longer configured.")
    ]


async def test_many_senders_send_each_notice_once(shop: Shop, watch: Watch) -> None:
    """Several workers at the same time."""
    chat = Told()
    await a_late_event(shop, watch)
    senders = [watch.delivery({"chat": chat}) for _ in range(6)]
    await asyncio.gather(*(sender.run() for sender in senders))
    assert chat.stages == [OPENED]


async def test_a_sender_that_dies_sends_it_again(shop: Shop, watch: Watch) -> None:
    """Killed after it had claimed the notice: another sends it when the lease has run out."""

    class Fatal(Told):
        async def send(self, notice: object) -> None:
            raise asyncio.CancelledError

    await a_late_event(shop, watch)
    with pytest.raises(asyncio.CancelledError):
        await watch.delivery({"chat": Fatal()}).run()

    chat = Told()
    await watch.delivery({"chat": chat}).run()
    assert chat.stages == []
    shop.clock.advance(61)
    await watch.delivery({"chat": chat}).run()
    assert chat.stages == [OPENED]
