"""The settler: every kind of operation, lost or never sent, is brought to its true end."""

from __future__ import annotations

import secrets

import pytest

from domain.commands import CancelPayment
from domain.errors import GatewayRejected, GatewayUnavailable, OutcomeUnknown, PaymentDeclined
from domain.payment import Payment, PaymentStatus
from domain.refund import RefundStatus
from tests.e2e.sandbox.control import Control
from tests.integration.domain.calls import cancel, capture, charge, refund
from tests.integration.webhooks.shop import USER, Shop

PATHS = {
    "charge": "/v1/payment_intents",
    "capture": "/v1/payment_intents/.*/capture",
    "cancel": "/v1/payment_intents/.*/cancel",
    "refund": "/v1/refunds",
}
FAULTS = ["drop_after", "drop_before", "error_after"]


async def settle_after(shop: Shop, seconds: float) -> None:
    """Lets time pass and has the settler look at what is due."""
    shop.clock.advance(seconds)
    await shop.settler.settle_due()


async def settle_for_good(shop: Shop) -> None:
    """Lets the settler look as often as it would in half an hour."""
    for seconds in (6, 31, 600, 301, 301, 301):
        await settle_after(shop, seconds)


async def open_operations(shop: Shop) -> int:
    """How many operations are not at their end."""
    ((count,),) = await shop.rows(
        "select count(*) from gateway_operations where state in"
        " ('CREATED', 'SENDING', 'UNKNOWN', 'MANUAL_REVIEW')"
    )
    return int(count)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_lost_charge_is_settled(shop: Shop, control: Control, fault: str) -> None:
    """Whether it took effect or not, a lost charge is found or sent again, and charges once."""
    await control.order_fault(fault, method="POST", path=PATHS["charge"])
    command = await shop.start_command()
    with pytest.raises(OutcomeUnknown):
        await charge(shop, command)

    await settle_after(shop, 6)

    assert (await shop.payment_of(command.order_id)).status is PaymentStatus.PAID
    assert (await charge(shop, command)).replayed
    assert len((await control.ledger())["charges"]) == 1
    assert await open_operations(shop) == 0


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_lost_authorization_is_settled(shop: Shop, control: Control, fault: str) -> None:
    """An authorization settles as a charge does, soon after it was sent."""
    await control.order_fault(fault, method="POST", path=PATHS["charge"])
    with pytest.raises(OutcomeUnknown) as unknown:
        await shop.authorize()
    assert unknown.value.payment is not None

    await settle_after(shop, 6)

    assert (await shop.now_of(unknown.value.payment)).status is PaymentStatus.AUTHORIZED
    assert (await control.ledger())["intents"] == 1


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_lost_capture_is_settled(shop: Shop, control: Control, fault: str) -> None:
    """A lost capture is read back, or sent again, and takes its amount once."""
    payment = await shop.authorize()
    await control.order_fault(fault, method="POST", path=PATHS["capture"])
    with pytest.raises(OutcomeUnknown):
        await shop.payments.capture(USER, shop.tenant.id, capture(payment, 6_000))

    await settle_after(shop, 6)

    now = await shop.now_of(payment)
    assert (now.status, now.captured) == (PaymentStatus.PAID, 6_000)
    assert [taken["amount_captured"] for taken in (await control.ledger())["charges"]] == [6_000]
    assert await open_operations(shop) == 0


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_lost_refund_is_settled(shop: Shop, control: Control, fault: str) -> None:
    """A lost refund is found by our id or sent again, and returns its amount once."""
    payment = await shop.charge()
    await control.order_fault(fault, method="POST", path=PATHS["refund"])
    with pytest.raises(OutcomeUnknown):
        await shop.payments.refund(USER, shop.tenant.id, refund(payment, 4_000))

    await settle_after(shop, 6)

    now = await shop.now_of(payment)
    (returned,) = await shop.refunds_of(payment)
    assert (returned.status, now.refunded) == (RefundStatus.SUCCEEDED, 4_000)
    assert len((await control.ledger())["refunds"]) == 1
    assert await open_operations(shop) == 0


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_lost_cancel_is_settled(shop: Shop, control: Control, fault: str) -> None:
    """A lost cancel is read back or sent again."""
    payment = await shop.authorize()
    await control.order_fault(fault, method="POST", path=PATHS["cancel"])
    with pytest.raises(OutcomeUnknown):
        await shop.payments.cancel(USER, shop.tenant.id, cancel(payment))

    await settle_after(shop, 6)

    assert (await shop.now_of(payment)).status is PaymentStatus.CANCELED
    assert await open_operations(shop) == 0


@pytest.mark.parametrize("fault", [*FAULTS, "rate_limit", "error_before"])
async def test_a_failed_intent_is_closed_in_the_end(
    shop: Shop, control: Control, fault: str
) -> None:
    """Closing a declined intent is tried until it is done, a stored 500 notwithstanding."""
    with pytest.raises(PaymentDeclined) as declined:
        await shop.charge("pm_card_visa_chargeDeclined")
    await control.order_fault(fault, method="POST", path=PATHS["cancel"])

    await settle_for_good(shop)

    now = await shop.now_of(declined.value.payment)
    assert (now.status, now.is_live) == (PaymentStatus.FAILED, False)
    assert await open_operations(shop) == 0


async def test_a_dead_process_is_noticed(shop: Shop, control: Control) -> None:
    """An operation that stays SENDING after its process died is settled like a lost one."""
    payment = await shop.lose_the_answer()
    await shop.write("update gateway_operations set state = 'SENDING', due_at = now()")

    await shop.settler.settle_due()
    before = await shop.now_of(payment)
    await settle_after(shop, 31)

    assert before.status is PaymentStatus.PENDING
    assert (await shop.now_of(payment)).status is PaymentStatus.PAID
    assert len((await control.ledger())["charges"]) == 1


async def test_a_charge_that_never_happened_is_failed_only_when_proven(
    shop: Shop, control: Control
) -> None:
    """The gateway stores a 500 before any effect: unknown until two listings prove it absent."""
    await control.order_fault("unavailable", method="POST", path=PATHS["charge"], times=None)
    command = await shop.start_command()
    with pytest.raises(OutcomeUnknown) as unknown:
        await charge(shop, command)
    payment = unknown.value.payment
    assert payment is not None

    statuses = []
    for seconds in (6, 31, 540, 60, 601, 301):
        await settle_after(shop, seconds)
        statuses.append((await shop.now_of(payment)).status)

    assert statuses[0] is PaymentStatus.PENDING
    assert statuses[-1] is PaymentStatus.FAILED
    assert not (await shop.now_of(payment)).is_live
    with pytest.raises(GatewayRejected):
        await charge(shop, command)


async def test_a_gateway_that_cannot_be_read_fails_nothing(shop: Shop, control: Control) -> None:
    """While the gateway answers nothing, an unknown payment stays unknown however long it takes."""
    payment = await shop.lose_the_answer()
    await control.order_fault("unavailable", times=None)

    for _ in range(8):
        await settle_after(shop, 3_700)

    assert (await shop.now_of(payment)).status is PaymentStatus.PENDING


async def test_an_authorization_found_too_late_is_canceled(shop: Shop, control: Control) -> None:
    """Nobody waits any more for an authorization found after the window: adopted, then canceled."""
    await control.order_fault("drop_after", method="POST", path=PATHS["charge"])
    with pytest.raises(OutcomeUnknown) as unknown:
        await shop.authorize()
    assert unknown.value.payment is not None

    await settle_after(shop, 601)
    await settle_after(shop, 1)

    assert (await shop.now_of(unknown.value.payment)).status is PaymentStatus.CANCELED
    assert await open_operations(shop) == 0
    asked = "select actor_id from audit_log where action = 'payment.cancel_requested'"
    assert await shop.rows(asked) == [("settler",)]


async def test_a_charge_found_late_is_booked(shop: Shop, control: Control) -> None:
    """A charge that succeeded is money: found after the window it is PAID."""
    payment = await shop.lose_the_answer()

    await settle_after(shop, 1_000)

    assert (await shop.now_of(payment)).status is PaymentStatus.PAID
    assert await open_operations(shop) == 0


async def test_a_cancel_wish_is_obeyed(shop: Shop, control: Control) -> None:
    """A cancel asked for while the authorization is unknown is done once it is known."""
    await control.order_fault("drop_after", method="POST", path=PATHS["charge"])
    with pytest.raises(OutcomeUnknown) as unknown:
        await shop.authorize()
    payment = unknown.value.payment
    assert payment is not None
    wish = CancelPayment(payment_id=payment.id, idempotency_key=secrets.token_hex(8))
    with pytest.raises(OutcomeUnknown):
        await shop.payments.cancel(USER, shop.tenant.id, wish)

    await settle_after(shop, 6)
    await settle_after(shop, 6)

    done = await shop.payments.cancel(USER, shop.tenant.id, wish)
    assert (done.payment.status, done.replayed) == (PaymentStatus.CANCELED, True)


async def test_an_unclaimed_operation_is_given_up(shop: Shop, control: Control) -> None:
    """Nothing reached the gateway and the caller never came back: FAILED after 15 minutes."""
    await control.order_fault("rate_limit", method="POST", path=PATHS["charge"])
    command = await shop.start_command()
    with pytest.raises(GatewayUnavailable) as away:
        await charge(shop, command)
    assert away.value.payment is not None

    await settle_after(shop, 800)
    waiting: Payment = await shop.now_of(away.value.payment)
    await settle_after(shop, 101)
    given_up = await shop.now_of(away.value.payment)

    assert waiting.status is PaymentStatus.PENDING
    assert (given_up.status, given_up.is_live) == (PaymentStatus.FAILED, False)
    assert (await control.ledger())["intents"] == 0


async def test_an_unclaimed_capture_is_dropped(shop: Shop, control: Control) -> None:
    """A capture that reached nothing and was not repeated leaves the authorization as it was."""
    payment = await shop.authorize()
    await control.order_fault("rate_limit", method="POST", path=PATHS["capture"])
    with pytest.raises(GatewayUnavailable):
        await shop.payments.capture(USER, shop.tenant.id, capture(payment))

    await settle_after(shop, 901)

    assert (await shop.now_of(payment)).status is PaymentStatus.AUTHORIZED
    assert await open_operations(shop) == 0
    done = await shop.payments.capture(USER, shop.tenant.id, capture(payment))
    assert done.payment.status is PaymentStatus.PAID
