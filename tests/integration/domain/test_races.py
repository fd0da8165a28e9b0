"""Two at one operation: the settler and the caller who comes back, a cancel and the same call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from db.work import SqlDatabase, SqlWork
from domain.answers import NOT_PERFORMED, Answer
from domain.commands import StartPayment
from domain.errors import GatewayUnavailable, InvalidState, OutcomeUnknown
from domain.operation import Operation, OperationState
from domain.operations import OperationRunner
from domain.payment import PaymentStatus
from domain.progress import mark_sent
from domain.recording import SETTLER
from domain.refund import RefundStatus
from tests.e2e.sandbox.control import Control
from tests.integration.db.waiting import started_waiting
from tests.integration.domain.calls import cancel, charge, outcome, refund
from tests.integration.domain.test_settling import PATHS, settle_after
from tests.integration.webhooks.shop import USER, Shop

GIVEN_UP = Answer(state=OperationState.REJECTED, code=NOT_PERFORMED)


def runner_of(shop: Shop) -> OperationRunner:
    """What the settler sends and records with."""
    return OperationRunner(shop.worker_database, shop.gateway, shop.wake, shop.clock)


async def only_operation(shop: Shop) -> Operation:
    """The tenant's one open operation, as a settler saw it that claimed it just now."""
    ((payment_id,),) = await shop.rows(
        "select payment_id from gateway_operations where state <> 'SUCCEEDED'"
    )
    async with shop.database.begin(shop.tenant.id) as work:
        (operation,) = await work.operations.open_of_payment(shop.tenant.id, payment_id)
    return operation


async def unsent(shop: Shop, control: Control) -> tuple[StartPayment, Operation]:
    """A charge that never reached the gateway, and its operation."""
    await control.order_fault("rate_limit", method="POST", path=PATHS["charge"])
    command = await shop.start_command()
    with pytest.raises(GatewayUnavailable):
        await charge(shop, command)
    return command, await only_operation(shop)


@asynccontextmanager
async def holding(database: SqlDatabase, operation: Operation) -> AsyncIterator[SqlWork]:
    """A transaction that has locked the operation, as its sender does."""
    async with database.begin(operation.tenant_id) as work:
        await work.operations.lock(operation.tenant_id, operation.id)
        yield work


async def test_a_call_that_came_back_is_not_given_up(shop: Shop, control: Control) -> None:
    """The settler took up an unclaimed charge, and its caller repeats the call before the settler
    writes it off: the charge that is on its way decides."""
    command, seen = await unsent(shop, control)
    await control.order_fault("latency", method="POST", path=PATHS["charge"], seconds=0.6)
    call = asyncio.create_task(outcome(charge(shop, command)))
    await asyncio.sleep(0.3)

    await runner_of(shop).record(seen, GIVEN_UP, SETTLER)
    done = await call

    assert (await shop.payment_of(command.order_id)).status is PaymentStatus.PAID
    assert not isinstance(done, Exception)
    assert (await charge(shop, command)).replayed
    assert len((await control.ledger())["charges"]) == 1


async def test_a_withdrawn_payment_is_not_given_up(shop: Shop, control: Control) -> None:
    """The caller canceled while the settler was about to write the payment off: CANCELED stays."""
    command, seen = await unsent(shop, control)
    payment = await shop.payment_of(command.order_id)
    await shop.payments.cancel(USER, shop.tenant.id, cancel(payment))

    await runner_of(shop).record(seen, GIVEN_UP, SETTLER)

    assert (await shop.now_of(payment)).status is PaymentStatus.CANCELED


async def test_a_payment_on_its_way_again_cannot_be_withdrawn(shop: Shop, control: Control) -> None:
    """A cancel at the moment in which the same call is sent again waits, and is then refused."""
    command, seen = await unsent(shop, control)
    payment = await shop.payment_of(command.order_id)

    async with holding(shop.database, seen) as work:
        call = await started_waiting(
            shop.engine, outcome(shop.payments.cancel(USER, shop.tenant.id, cancel(payment)))
        )
        await work.operations.save(mark_sent(seen, shop.clock.now()))
        await work.commit()
    refused = await call

    assert isinstance(refused, InvalidState)
    assert refused.detail_code == "OPERATION_IN_PROGRESS"
    assert (await shop.now_of(payment)).status is PaymentStatus.PENDING


async def test_a_repeated_call_and_the_settler_do_not_lock_each_other_out(
    shop: Shop, control: Control
) -> None:
    """Whoever holds the operation may write its key while the same call waits for it."""
    command, seen = await unsent(shop, control)

    async with holding(shop.database, seen) as work:
        call = await started_waiting(shop.engine, outcome(charge(shop, command)))
        record = await work.keys.find(shop.tenant.id, seen.idempotency_record_id or "")
        assert record is not None
        await work.keys.save(record)
        await work.commit()
    done = await call

    assert not isinstance(done, Exception)
    assert done.payment.status is PaymentStatus.PAID


async def test_two_repeats_of_an_unsent_call_send_it_once(shop: Shop, control: Control) -> None:
    """Twenty repeats at once of a call that reached nothing: one runs, the others wait for it."""
    command, _ = await unsent(shop, control)

    await asyncio.gather(*(outcome(charge(shop, command)) for _ in range(20)))

    assert (await charge(shop, command)).payment.status is PaymentStatus.PAID
    (calls,) = (await control.ledger())["calls"].values()
    assert calls["count"] == 2  # the one that was shed, and the one that ran


async def test_what_was_ended_elsewhere_is_not_sent(shop: Shop, control: Control) -> None:
    """A settler that lost its lease sends nothing once another has given the refund up."""
    payment = await shop.charge()
    await control.order_fault("drop_before", method="POST", path=PATHS["refund"])
    with pytest.raises(OutcomeUnknown):
        await shop.payments.refund(USER, shop.tenant.id, refund(payment))
    seen = await only_operation(shop)
    await runner_of(shop).record(seen, GIVEN_UP, SETTLER)

    assert await runner_of(shop).mark_sent(seen) is None

    (given_up,) = await shop.refunds_of(payment)
    assert given_up.status is RefundStatus.FAILED


async def test_an_earlier_attempts_silence_frees_nothing(shop: Shop, control: Control) -> None:
    """The answer of an attempt that was long overtaken cannot hand the operation back."""
    payment = await shop.charge()
    await control.order_fault("drop_after", method="POST", path=PATHS["refund"])
    with pytest.raises(OutcomeUnknown):
        await shop.payments.refund(USER, shop.tenant.id, refund(payment))
    first = await only_operation(shop)
    await runner_of(shop).mark_sent(first)

    late = await runner_of(shop).record(first, GIVEN_UP, SETTLER)

    assert late.operation.state is OperationState.UNKNOWN
    await settle_after(shop, 6)
    (returned,) = await shop.refunds_of(payment)
    assert returned.status is RefundStatus.SUCCEEDED


async def test_two_settlers_side_by_side_send_once(shop: Shop, control: Control) -> None:
    """Of two settlers that look at the same time one takes the operation."""
    await control.order_fault("drop_before", method="POST", path=PATHS["charge"])
    command = await shop.start_command()
    with pytest.raises(OutcomeUnknown):
        await charge(shop, command)
    shop.clock.ahead += timedelta(seconds=6)

    looked = await asyncio.gather(*(shop.settler.settle_due() for _ in range(4)))

    assert sorted(looked) == [0, 0, 0, 1]
    assert (await shop.payment_of(command.order_id)).status is PaymentStatus.PAID
    assert len((await control.ledger())["charges"]) == 1


async def test_the_settler_and_the_same_call_at_once(shop: Shop, control: Control) -> None:
    """While the settler brings a lost charge to its end its caller asks ten times: one charge."""
    await control.order_fault("drop_before", method="POST", path=PATHS["charge"])
    command = await shop.start_command()
    with pytest.raises(OutcomeUnknown):
        await charge(shop, command)
    shop.clock.ahead += timedelta(seconds=6)

    calls = [outcome(charge(shop, command)) for _ in range(10)]
    await asyncio.gather(shop.settler.settle_due(), *calls)

    done = await charge(shop, command)
    assert (done.payment.status, done.replayed) == (PaymentStatus.PAID, True)
    assert len((await control.ledger())["charges"]) == 1
