"""The operation protocol: one key, one effect, whatever the gateway and the callers do."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from domain.commands import PaymentDone
from domain.errors import (
    GatewayRejected,
    GatewayUnavailable,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InvalidState,
    OutcomeUnknown,
    PaymentDeclined,
)
from domain.payment import PaymentStatus
from tests.e2e.sandbox.control import Control
from tests.integration.domain.calls import cancel, charge, outcome
from tests.integration.webhooks.shop import USER, Shop


async def test_fifty_keys_on_one_order_make_one_intent(shop: Shop, control: Control) -> None:
    """Fifty charges at once with fifty keys: one is paid, the others are told why they are not."""
    command = await shop.start_command()
    commands = [replace(command, idempotency_key=f"key-{n}") for n in range(50)]

    answers = await asyncio.gather(*(outcome(charge(shop, each)) for each in commands))

    paid = [answer for answer in answers if isinstance(answer, PaymentDone)]
    refused = [answer.detail_code for answer in answers if isinstance(answer, InvalidState)]
    assert len(paid) == 1
    assert len(refused) == 49
    assert set(refused) <= {"PAYMENT_IN_PROGRESS", "ORDER_PAID"}
    assert (await control.ledger())["intents"] == 1


async def test_fifty_calls_with_one_key_make_one_intent(shop: Shop, control: Control) -> None:
    """Fifty charges at once with one key: one runs, the others get its payment or wait."""
    command = await shop.start_command()

    answers = await asyncio.gather(*(outcome(charge(shop, command)) for _ in range(50)))
    again = await charge(shop, command)

    done = [answer for answer in answers if isinstance(answer, PaymentDone)]
    waiting = [answer for answer in answers if isinstance(answer, IdempotencyInProgress)]
    assert len(done) + len(waiting) == 50
    assert sum(not answer.replayed for answer in done) == 1
    assert {answer.payment.id for answer in done} == {again.payment.id}
    assert again.replayed
    assert (await control.ledger())["intents"] == 1


async def test_a_used_key_with_another_input_is_refused(shop: Shop, control: Control) -> None:
    """A key stands for one input for ever; another tenant's same key is another key."""
    command = await shop.start_command()
    await charge(shop, command)

    with pytest.raises(IdempotencyKeyReused):
        await charge(shop, replace(command, payment_method_ref="pm_card_mastercard"))

    assert (await control.ledger())["intents"] == 1


async def test_a_decline_fails_closes_and_can_be_paid_again(shop: Shop, control: Control) -> None:
    """A decline ends FAILED, its intent closed as abandoned; the order takes another card."""
    declined = await shop.start_command("pm_card_visa_chargeDeclinedInsufficientFunds")
    with pytest.raises(PaymentDeclined) as first:
        await charge(shop, declined)
    with pytest.raises(PaymentDeclined) as replayed:
        await charge(shop, declined)
    other = replace(declined, payment_method_ref="pm_card_visa", idempotency_key="other-card")
    with pytest.raises(InvalidState) as busy:
        await charge(shop, other)

    await shop.settler.settle_due()
    failed = await shop.now_of(first.value.payment)
    paid = await charge(shop, other)

    assert first.value.detail_code == "insufficient_funds"
    assert (replayed.value.payment.id, replayed.value.replayed) == (failed.id, True)
    assert (busy.value.detail_code, busy.value.retryable) == ("PAYMENT_IN_PROGRESS", True)
    assert failed.status is PaymentStatus.FAILED
    assert failed.intent_closed_at is not None
    assert paid.payment.status is PaymentStatus.PAID
    charges = (await control.ledger())["charges"]
    assert [taken["amount_captured"] for taken in charges if taken["status"] == "succeeded"] == [
        10_000
    ]


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "garbled", "html"])
async def test_a_lost_answer_ends_paid_with_one_charge(
    shop: Shop, control: Control, fault: str
) -> None:
    """The effect happened and the answer was lost: unknown, then PAID by one read, once."""
    await control.order_fault(fault, method="POST", path="/v1/payment_intents")
    command = await shop.start_command()
    with pytest.raises(OutcomeUnknown) as unknown:
        await charge(shop, command)

    settled = await charge(shop, command)

    assert unknown.value.payment is not None
    assert unknown.value.payment.status is PaymentStatus.PENDING
    assert (settled.payment.id, settled.replayed) == (unknown.value.payment.id, True)
    assert settled.payment.status is PaymentStatus.PAID
    assert len((await control.ledger())["charges"]) == 1


@pytest.mark.parametrize("fault", ["rate_limit", "lock_timeout"])
async def test_what_never_reached_the_gateway_runs_again_under_its_key(
    shop: Shop, control: Control, fault: str
) -> None:
    """The gateway shed the request: the same call runs the same operation, and pays once."""
    await control.order_fault(fault, method="POST", path="/v1/payment_intents")
    command = await shop.start_command()
    with pytest.raises(GatewayUnavailable) as away:
        await charge(shop, command)

    done = await charge(shop, command)

    assert away.value.retryable
    assert (done.payment.status, done.replayed) == (PaymentStatus.PAID, False)
    assert len((await control.ledger())["charges"]) == 1


async def test_an_unsent_payment_can_be_canceled(shop: Shop, control: Control) -> None:
    """A payment whose request never reached the gateway is canceled without a call."""
    await control.order_fault("rate_limit", method="POST", path="/v1/payment_intents")
    command = await shop.start_command()
    with pytest.raises(GatewayUnavailable) as away:
        await charge(shop, command)
    assert away.value.payment is not None

    done = await shop.payments.cancel(USER, shop.tenant.id, cancel(away.value.payment))

    assert done.payment.status is PaymentStatus.CANCELED
    assert (await control.ledger())["intents"] == 0
    with pytest.raises(GatewayRejected):
        await charge(shop, command)
    paid = await charge(shop, replace(command, idempotency_key="fresh"))
    assert paid.payment.status is PaymentStatus.PAID


async def test_the_gateways_refusal_fails_the_payment(shop: Shop) -> None:
    """A token that the gateway does not know: FAILED, closed, nothing held."""
    command = await shop.start_command("pm_nobody_knows_this_one")

    with pytest.raises(GatewayRejected) as rejected:
        await charge(shop, command)

    assert rejected.value.detail_code == "resource_missing"
    assert rejected.value.payment is not None
    assert rejected.value.payment.status is PaymentStatus.FAILED
    assert not rejected.value.payment.is_live


async def test_a_caller_who_hangs_up_leaves_no_half_state(shop: Shop, control: Control) -> None:
    """A mutation cut off while the gateway works is finished all the same."""
    await control.order_fault("latency", method="POST", seconds=0.5)
    command = await shop.start_command()
    call = asyncio.create_task(charge(shop, command))
    await asyncio.sleep(0.25)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await shop.payments.drain()

    assert (await charge(shop, command)).replayed
    assert (await shop.payment_of(command.order_id)).status is PaymentStatus.PAID


async def test_no_connection_is_held_while_the_gateway_works(shop: Shop, control: Control) -> None:
    """More slow calls than the pool has connections: all are under way at the same time."""
    await control.order_fault("latency", method="POST", seconds=1, times=None)
    commands = [await shop.start_command() for _ in range(20)]

    async with asyncio.timeout(6):
        done = await asyncio.gather(*(charge(shop, command) for command in commands))

    assert {each.payment.status for each in done} == {PaymentStatus.PAID}
