"""Whose an event is: by account and mode, by the gateway's ids, by ours, and by asking once."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import pytest

from domain.inbox import WebhookEvent, WebhookEventStatus
from domain.payment import Payment, PaymentStatus
from tests.integration.domain.gateways import Desk, connect, new_key, own
from tests.integration.webhooks.shop import Shop, try_event
from tests.integration.webhooks.test_event_faults import INTENT_PATH, foreign_intent

PROCESSED, IGNORED = WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED
RETRY, DEAD = WebhookEventStatus.RETRY, WebhookEventStatus.DEAD
WHSEC = f"whsec_{secrets.token_hex(16)}"
ELSEWHERE = "The event is of another account than its endpoint."


async def refunded(shop: Shop, intent_id: str, amount: str = "4000", **form: str) -> dict[str, Any]:
    """The event of a refund that was made beside Tollgate."""
    made = await shop.call_stripe("refunds", payment_intent=intent_id, amount=amount, **form)
    events = await shop.gateway_events("refund.created")
    return next(event for event in events if event["data"]["object"]["id"] == made["id"])


async def intent_of(shop: Shop) -> str:
    """The id of the account's one intent."""
    (event,) = await shop.gateway_events("payment_intent.created")
    return str(event["data"]["object"]["id"])


def changed(event: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The event with fields of its object changed."""
    return {**event, "data": {"object": {**event["data"]["object"], **fields}}}


async def by_row(shop: Shop, event: dict[str, Any], gateway_id: str, **fields: Any) -> WebhookEvent:
    """The event as it ends when it came in by this gateway row."""
    stored = await shop.receive(event, **fields)
    await shop.write(
        "update webhook_events set gateway_id = :gateway where id = :id",
        gateway=gateway_id,
        id=stored.id,
    )
    await try_event(shop.events, stored.id)
    return await shop.event(stored.id)


async def test_the_platforms_own_account_is_named_or_not(shop: Shop) -> None:
    """Under the platform's row an event names no account, or the one that its key leads to."""
    payment = await shop.lose_the_answer()
    (event,) = await shop.gateway_events("charge.succeeded")
    account_id = await Desk.of(shop).account_of(shop.stripe_key)
    foreign = await shop.process(event, id="evt_foreign", account="acct_somebody")
    before = await shop.now_of(payment)
    ours = await shop.process(event, id="evt_ours", account=account_id)

    assert (foreign.status, foreign.error_message) == (IGNORED, ELSEWHERE)
    assert (foreign.tenant_id, before) == (None, payment)
    assert ours.status is PROCESSED
    assert (await shop.now_of(payment)).status is PaymentStatus.PAID


async def test_a_platform_that_cannot_be_asked_for_its_name(shop: Shop) -> None:
    """While it is not known which account is ours, an event that names one waits."""
    await shop.lose_the_answer()
    (event,) = await shop.gateway_events("charge.succeeded")
    account_id = await Desk.of(shop).account_of(shop.stripe_key)
    await shop.control.order_fault("unavailable", method="GET", path="/v1/account")
    waiting = await shop.process(event, account=account_id)
    shop.clock.advance(1)
    await shop.work_off()

    assert waiting.status is RETRY
    assert (await shop.event(waiting.id)).status is PROCESSED


async def test_a_connected_row_hears_its_account_alone(shop: Shop) -> None:
    """An event without an account, or of another, is none of the row's."""
    desk = Desk.of(shop)
    account_id = await desk.connected(shop.tenant.id)
    row = (await desk.configure(connect(account_id))).profile.id
    event = await foreign_intent(shop)
    ended = [
        await by_row(shop, event, row, id=f"evt_{number}", account=account)
        for number, account in enumerate([None, "acct_other", account_id])
    ]

    assert [event.error_message for event in ended] == [
        ELSEWHERE,
        ELSEWHERE,
        "The event is not about a payment of ours.",
    ]


async def test_an_own_row_hears_the_account_of_its_key(shop: Shop) -> None:
    """No account or the one that the tenant's key leads to, and no other."""
    desk, key = Desk.of(shop), new_key()
    row = (await desk.configure(own(key, webhook_secret=WHSEC))).profile.id
    event = await foreign_intent(shop)
    ended = [
        await by_row(shop, event, row, id=f"evt_{number}", account=account)
        for number, account in enumerate(["acct_other", None, await desk.account_of(key)])
    ]

    assert [event.error_message == ELSEWHERE for event in ended] == [True, False, False]


async def test_mode_and_account_come_before_any_look_up(shop: Shop) -> None:
    """An event of the other mode or another account reads nothing, not even its type's meaning."""
    payment = await shop.charge()
    event = await refunded(shop, str(payment.gateway_payment_id))
    await shop.control.order_fault("unavailable", method="GET", path="/v1/refunds/.*", times=None)
    other_mode = await shop.process(event, id="evt_live", livemode=True)
    elsewhere = await shop.process(event, id="evt_elsewhere", account="acct_somebody")

    assert {other_mode.status, elsewhere.status} == {IGNORED}
    assert {other_mode.payment_id, elsewhere.payment_id} == {None}


async def test_a_refund_that_names_its_charge_alone(shop: Shop) -> None:
    """As older shapes have it: the payment is found by the charge."""
    payment = await shop.charge()
    event = await refunded(shop, str(payment.gateway_payment_id))
    older = changed(event, payment_intent=None)
    stored = await shop.process(older, api_version="2019-02-19", type="charge.refund.updated")

    assert (stored.status, stored.payment_id) == (PROCESSED, payment.id)
    assert (await shop.now_of(payment)).refunded == 4_000


@pytest.mark.parametrize("names_its_intent", [True, False])
async def test_a_refund_of_a_payment_whose_answer_was_lost(
    shop: Shop,
    names_its_intent: bool,  # noqa: FBT001
) -> None:
    """It carries none of our metadata and nobody here knows its intent: the intent says whose it
    is, and the payment becomes PAID and refunded."""
    payment = await shop.lose_the_answer()
    event = await refunded(shop, await intent_of(shop))
    if not names_its_intent:
        event = changed(event, payment_intent=None)
    stored = await shop.process(event)
    after = await shop.now_of(payment)

    assert (stored.status, stored.payment_id) == (PROCESSED, payment.id)
    assert (after.status, after.refunded) == (PaymentStatus.PAID, 4_000)


async def test_our_metadata_without_an_intent(shop: Shop) -> None:
    """A refund that names our payment and its charge alone is read, not dropped, while the payment
    does not know its intent."""
    payment = await shop.lose_the_answer()
    intent_id = await intent_of(shop)
    event = await refunded(shop, intent_id, **{"metadata[tollgate_payment_id]": payment.id})
    stored = await shop.process(changed(event, payment_intent=None))

    assert stored.status is PROCESSED
    assert (await shop.now_of(payment)).refunded == 4_000


async def test_a_charge_without_an_intent_waits_for_it(shop: Shop) -> None:
    """Neither the event nor the payment names an intent: there is nothing to read yet."""
    payment = await shop.lose_the_answer()
    (event,) = await shop.gateway_events("charge.succeeded")
    waiting = await shop.process(changed(event, payment_intent=None))
    await shop.process(event, id="evt_named")
    shop.clock.advance(1)
    await shop.work_off()

    assert (waiting.status, waiting.payment_id) == (RETRY, payment.id)
    assert (await shop.event(waiting.id)).status is PROCESSED


async def test_a_refund_of_somebody_else(shop: Shop) -> None:
    """The intent is asked once, and names no payment of ours."""
    intent = await foreign_intent(shop)
    event = await refunded(shop, intent["data"]["object"]["id"])
    stored = await shop.process(event)

    assert (stored.status, stored.error_message) == (
        IGNORED,
        "The event is not about a payment of ours.",
    )


async def test_a_refund_of_an_intent_that_is_not_there(shop: Shop) -> None:
    """What the account that sent it does not know is nobody's."""
    payment = await shop.charge()
    event = await refunded(shop, str(payment.gateway_payment_id))
    lie = changed(event, payment_intent="pi_nobody", charge="ch_nobody")
    stored = await shop.process(lie)

    assert stored.status is IGNORED
    assert (await shop.now_of(payment)).refunded == 0


async def test_a_refund_whose_intent_cannot_be_asked_waits(shop: Shop) -> None:
    """It is not called somebody else's while the gateway is away."""
    payment = await shop.lose_the_answer()
    event = await refunded(shop, await intent_of(shop))
    await shop.control.order_fault("unavailable", method="GET", path=INTENT_PATH)
    waiting = await shop.process(event)
    shop.clock.advance(1)
    await shop.work_off()

    assert (waiting.status, waiting.payment_id) == (RETRY, None)
    assert (await shop.now_of(payment)).refunded == 4_000


async def test_a_refund_of_another_intent_under_our_name(shop: Shop) -> None:
    """A refund of somebody's intent whose metadata name our payment is not booked on it, whether
    the event tells the intent or hides it."""
    payment = await shop.charge()
    intent = await foreign_intent(shop)
    name = {"metadata[tollgate_payment_id]": payment.id}
    event = await refunded(shop, intent["data"]["object"]["id"], **name)
    hidden = changed(event, payment_intent=None, charge=None)
    ended = [
        await shop.process(event),
        await shop.process(hidden, id="evt_hidden"),
    ]

    assert [event.status for event in ended] == [DEAD, DEAD]
    assert {rule for rule, *_ in await shop.alerts()} == {"webhook.mismatch"}
    assert (await shop.now_of(payment)).refunded == 0


async def test_an_event_that_waits_too_long_is_told_of_once(shop: Shop) -> None:
    """Five minutes after it came there is a try, and an alert of medium urgency; not before, and
    not again."""
    event = await foreign_intent(shop, tollgate_payment_id="pay_unknown")
    stored = await shop.process(event)
    came_at = stored.created_at
    while shop.clock.now() < came_at + timedelta(minutes=4, seconds=50):
        shop.clock.advance(10)
        await shop.work_off()
    before = await shop.alerts()
    shop.clock.advance(10)
    await shop.work_off()
    after = await shop.alerts()
    for _ in range(3):
        shop.clock.advance(3600)
        await shop.work_off()

    assert before == []
    assert after == [("webhook.unmatched", "MEDIUM", stored.id)]
    assert [rule for rule, *_ in await shop.alerts()].count("webhook.unmatched") == 1


async def payment_of_a_rival(shop: Shop, desk: Desk) -> Payment:
    """A payment of the tenant through the platform's account, before it switched to its own."""
    payment = await shop.charge()
    await desk.configure(own(new_key(), webhook_secret=WHSEC))
    return payment


async def test_a_charge_id_reaches_no_payment_of_another_row(shop: Shop) -> None:
    """An event of the tenant's own account that names the charge of a payment through the
    platform's moves nothing."""
    desk = Desk.of(shop)
    payment = await payment_of_a_rival(shop, desk)
    row = (await desk.rows())[-1].profile.id
    (event,) = await shop.gateway_events("charge.succeeded")
    stored = await by_row(shop, event, row, type="charge.refunded")

    assert stored.payment_id is None
    assert await shop.now_of(payment) == payment
