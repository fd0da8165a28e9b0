"""A process dies at every named place: one effect, and nothing is left open.

Here the process is an exception that nothing catches, and each place has one operation;
scripts/prove crash-points kills real processes at every place of every operation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import cycle

import pytest

from domain.checkpoint import Checkpoint, watched
from domain.commands import CapturePayment, PaymentDone, RefundDone
from domain.errors import OutcomeUnknown
from domain.payment import Payment, PaymentStatus
from domain.services import PaymentService
from tests.e2e.sandbox.control import Control
from tests.integration.domain.auditing import untold
from tests.integration.domain.calls import cancel, capture, refund
from tests.integration.domain.test_settling import PATHS, open_operations, settle_after
from tests.integration.webhooks.shop import USER, Shop

Ask = Callable[[], Awaitable[PaymentDone | RefundDone]]

OPERATIONS = ("authorize", "charge", "capture", "refund", "cancel")
BY_SETTLER = {Checkpoint.LEASED, Checkpoint.SENT_AGAIN}
BY_EVENTS = {
    *(Checkpoint.DELIVERED, Checkpoint.STORED, Checkpoint.TAKEN, Checkpoint.READ),
    *(Checkpoint.APPLIED, Checkpoint.ENDED),
}


class Died(BaseException):
    """The process is gone."""


@dataclass
class Death:
    """Dies at the first passing of a place."""

    place: Checkpoint
    happened: bool = False

    def __call__(self, name: Checkpoint) -> None:
        """One passing."""
        if name is self.place and not self.happened:
            self.happened = True
            raise Died


async def prepared(shop: Shop, operation: str) -> Ask:
    """The call, with its key, that may be repeated by any process."""
    if operation in {"authorize", "charge"}:
        command = await shop.start_command()
        return lambda: getattr(shop.payments, operation)(USER, shop.tenant.id, command)
    if operation == "refund":
        back = refund(await shop.charge(), 4_000)
        return lambda: shop.payments.refund(USER, shop.tenant.id, back)
    held = await shop.authorize()
    if operation == "cancel":
        release = cancel(held)
        return lambda: shop.payments.cancel(USER, shop.tenant.id, release)
    take: CapturePayment = capture(held, 6_000)
    return lambda: shop.payments.capture(USER, shop.tenant.id, take)


async def die_at(shop: Shop, place: Checkpoint, operation: str, ask: Ask) -> bool:
    """The operation, until the process dies there."""
    death = Death(place)
    if place in BY_SETTLER:
        path = PATHS.get(operation, PATHS["charge"])
        await shop.control.order_fault("drop_before", method="POST", path=path)
        with pytest.raises(OutcomeUnknown):
            await ask()
        with watched(death), pytest.raises(Died):
            await settle_after(shop, 6)
    elif place in BY_EVENTS:
        await ask()
        with watched(death), pytest.raises(Died):
            await follow(shop)
    else:
        with watched(death), pytest.raises(Died):
            await ask()
    return death.happened


async def follow(shop: Shop) -> None:
    """All that the gateway tells, received and worked off."""
    for event in await shop.gateway_events():
        await shop.receive(event)
    await shop.work_off()


async def recover(shop: Shop) -> None:
    """Other processes come, after the leases have run out."""
    shop.payments = PaymentService(shop.database, shop.gateway, shop.wake, shop.clock)
    for seconds in (31, 6, 31, 61):
        await settle_after(shop, seconds)
        await follow(shop)


@pytest.mark.parametrize(
    ("place", "operation"), list(zip(Checkpoint, cycle(OPERATIONS), strict=False))
)
async def test_a_death_changes_nothing(
    shop: Shop, control: Control, place: Checkpoint, operation: str
) -> None:
    """Whoever asks again with the same key hears of the one effect that there is."""
    ask = await prepared(shop, operation)
    assert await die_at(shop, place, operation, ask)

    await recover(shop)
    done = await ask()

    await recover(shop)
    assert await open_operations(shop) == 0
    assert await untold(shop) == []
    check(await shop.now_of(done.payment), await control.ledger(), operation)


def check(payment: Payment, ledger: dict[str, list[dict[str, int]]], operation: str) -> None:
    """Both sides tell of the operation once."""
    captured = sum(each["amount_captured"] for each in ledger["charges"])
    refunded = sum(each["amount"] for each in ledger["refunds"])
    status, taken, returned = {
        "authorize": (PaymentStatus.AUTHORIZED, 0, 0),
        "charge": (PaymentStatus.PAID, 10_000, 0),
        "capture": (PaymentStatus.PAID, 6_000, 0),
        "refund": (PaymentStatus.PAID, 10_000, 4_000),
        "cancel": (PaymentStatus.CANCELED, 0, 0),
    }[operation]
    assert (payment.status, payment.captured, payment.refunded) == (status, taken, returned)
    assert (len(ledger["charges"]), captured, refunded) == (1, taken, returned)
