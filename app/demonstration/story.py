"""What is shown: every way a payment goes, with the figures that have to come out.

The figures are written out by hand. The platform's fee is 3.00 % (Starter), 1.50 % (Professional)
or 0.50 % (Enterprise) of the amount, the gateway's 2.90 % + 0.30, each rounded half up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.demonstration.api import (
    PATIENCE_SECONDS,
    POLL_SECONDS,
    Merchant,
    NotAsExpected,
    Order,
    Outcome,
    Payment,
    succeeded,
)
from app.demonstration.figures import QUOTE, Figures, Row
from app.demonstration.judge import Judge

VISA = "pm_card_visa"
MASTERCARD = "pm_card_mastercard"
WITHOUT_FUNDS = "pm_card_visa_chargeDeclinedInsufficientFunds"
WITH_3DS = "pm_card_authenticationRequired"
AUTHORIZE = "authorize_payment"
CHARGE = "charge_payment"
REFUND = "refund_payment"


@dataclass(frozen=True, slots=True)
class Merchants:
    """One merchant on each tier."""

    starter: Merchant
    professional: Merchant
    enterprise: Merchant


class Story:
    """Plays the scenes and keeps a row of each. Raises NotAsExpected where one cannot go on."""

    def __init__(self, merchants: Merchants, judge: Judge, say: Callable[[str], None]) -> None:
        self._merchants = merchants
        self._judge = judge
        self._say = say
        self.rows: list[Row] = []
        self.payments: dict[str, Payment] = {}
        """The payments by their ids, each as it was last seen."""
        self._owners: dict[str, Merchant] = {}

    async def play(self) -> None:
        """All scenes, in order."""
        starter, professional = self._merchants.starter, self._merchants.professional
        await self._quotes()
        await self._capture(starter)
        await self._charge(professional, platform_fee=150, net=95_30)
        await self._charge(self._merchants.enterprise, platform_fee=50, net=96_30)
        await self._decline(starter)
        await self._authenticate(professional)
        await self._refund(starter)
        await self._cancel(self._merchants.enterprise)

    async def read_again(self) -> None:
        """Read every payment once more: what came after its scene must have changed nothing."""
        for payment_id, owner in self._owners.items():
            self.payments[payment_id] = await owner.payment(payment_id)
        self.rows = [
            replace(row, found=self.payments[row.payment_id].figures())
            if row.payment_id is not None and row.is_last
            else row
            for row in self.rows
        ]

    async def _quotes(self) -> None:
        starter, professional = self._merchants.starter, self._merchants.professional
        for merchant, platform_fee, net in (
            (starter, 3_00, 93_80),
            (professional, 1_50, 95_30),
            (self._merchants.enterprise, 50, 96_30),
        ):
            self._say(f"{merchant.tier}: a fee quote")
            expected = _figures(QUOTE, 100_00, platform_fee, 3_20, net, is_final=False)
            found = (await merchant.quote(100_00)).figures()
            row = Row(what="fee quote", tier=merchant.tier, expected=expected, found=found)
            self.rows.append(row)

    async def _capture(self, merchant: Merchant) -> None:
        self._say(f"{merchant.tier}: authorize, then capture")
        payment = await self._pay(merchant, AUTHORIZE, await merchant.new_order(100_00), VISA)
        _check_status(payment, "AUTHORIZED")
        await merchant.change("capture_payment", payment)
        expected = _figures("PAID", 100_00, 3_00, 3_20, 93_80)
        await self._add(merchant, "authorize, capture", payment, expected)

    async def _charge(self, merchant: Merchant, *, platform_fee: int, net: int) -> None:
        self._say(f"{merchant.tier}: charge")
        payment = await self._pay(merchant, CHARGE, await merchant.new_order(100_00), VISA)
        expected = _figures("PAID", 100_00, platform_fee, 3_20, net)
        await self._add(merchant, "charge", payment, expected)

    async def _decline(self, merchant: Merchant) -> None:
        self._say(f"{merchant.tier}: charge a card without funds")
        order = await merchant.new_order(40_00)
        failed = _declined(await merchant.pay(CHARGE, order, WITHOUT_FUNDS))
        expected = _figures("FAILED", 40_00, 0, 0, 0, is_final=False)
        await self._add(merchant, "charge, declined", failed, expected)
        self._say("waiting until its intent is closed")
        await self._wait_until_open_again(merchant, order)
        status = await self._judge.intent_status(failed.gateway_payment_id or "")
        if status != "canceled":
            raise NotAsExpected(f"the declined intent is {status} at the sandbox, not canceled")
        self._say(f"{merchant.tier}: pay the same order with another card")
        payment = await self._pay(merchant, CHARGE, order, MASTERCARD)
        expected = _figures("PAID", 40_00, 1_20, 1_46, 37_34)
        await self._add(merchant, "same order, other card", payment, expected)

    async def _wait_until_open_again(self, merchant: Merchant, order: Order) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while (await merchant.order(order.id)).remaining_amount != order.total_amount:
            if time.monotonic() > end:
                raise NotAsExpected(f"{order.id} did not get back what its declined payment held")
            await asyncio.sleep(POLL_SECONDS)

    async def _authenticate(self, merchant: Merchant) -> None:
        self._say(f"{merchant.tier}: charge a card with 3-D Secure")
        payment = await self._pay(merchant, CHARGE, await merchant.new_order(60_00), WITH_3DS)
        _check_status(payment, "REQUIRES_ACTION")
        if payment.next_action is None or payment.gateway_payment_id is None:
            raise NotAsExpected(f"{payment.id} does not say what the payer must do")
        self._say("the payer authenticates; the webhook tells Tollgate")
        await self._judge.authenticate(payment.gateway_payment_id)
        expected = _figures("PAID", 60_00, 90, 2_04, 57_06)
        await self._add(merchant, "charge, 3-D Secure", payment, expected)

    async def _refund(self, merchant: Merchant) -> None:
        self._say(f"{merchant.tier}: charge, refund a part, then the rest")
        payment = await self._pay(merchant, CHARGE, await merchant.new_order(80_00), VISA)
        await merchant.change(REFUND, payment, 30_00)
        expected = _figures("PAID", 80_00, 1_50, 2_62, 45_88, refunded=30_00)
        await self._add(merchant, "charge, partial refund", payment, expected, is_last=False)
        await merchant.change(REFUND, payment)
        expected = _figures("PAID", 80_00, 0, 2_62, -2_62, refunded=80_00)
        await self._add(merchant, "then the rest refunded", payment, expected)

    async def _cancel(self, merchant: Merchant) -> None:
        self._say(f"{merchant.tier}: authorize, then cancel")
        payment = await self._pay(merchant, AUTHORIZE, await merchant.new_order(25_00), VISA)
        _check_status(payment, "AUTHORIZED")
        await merchant.change("cancel_payment", payment)
        expected = _figures("CANCELED", 25_00, 0, 0, 0, is_final=False)
        await self._add(merchant, "authorize, cancel", payment, expected)

    async def _pay(self, merchant: Merchant, operation: str, order: Order, card: str) -> Payment:
        return succeeded(await merchant.pay(operation, order, card), operation)

    async def _add(
        self,
        merchant: Merchant,
        what: str,
        payment: Payment,
        expected: Figures,
        *,
        is_last: bool = True,
    ) -> None:
        payment = await merchant.wait_for(payment.id, expected)
        self.payments[payment.id], self._owners[payment.id] = payment, merchant
        self.rows.append(
            Row(
                what=what,
                tier=merchant.tier,
                expected=expected,
                found=payment.figures(),
                payment_id=payment.id,
                is_last=is_last,
            )
        )


def _figures(
    status: str,
    total: int,
    platform_fee: int,
    gateway_fee: int,
    net: int,
    *,
    refunded: int = 0,
    is_final: bool = True,
) -> Figures:
    return Figures(
        status=status,
        total=total,
        platform_fee=platform_fee,
        gateway_fee=gateway_fee,
        is_final=is_final,
        net=net,
        refunded=refunded,
    )


def _declined(outcome: Outcome) -> Payment:
    """The payment of a decline. Raises NotAsExpected."""
    if outcome.code != "PAYMENT_DECLINED" or outcome.payment is None:
        raise NotAsExpected(f"a card without funds brought {outcome.kind} {outcome.code}")
    return outcome.payment


def _check_status(payment: Payment, status: str) -> None:
    if payment.status != status:
        raise NotAsExpected(f"{payment.id} is {payment.status}, not {status}")
