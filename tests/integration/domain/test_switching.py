"""A tenant that changes its account: money goes where it belongs, and what was begun finishes."""

from __future__ import annotations

import pytest

from domain.errors import GatewayUnavailable, OutcomeUnknown, ValidationFailed
from domain.gateway_profile import GatewaySecrets
from domain.payment import Payment, PaymentStatus
from domain.refund import RefundStatus
from tests.e2e.sandbox.control import Control
from tests.integration.domain.calls import capture, refund
from tests.integration.domain.gateways import Desk, connect, new_key, own, platform
from tests.integration.domain.test_settling import PATHS, open_operations, settle_after
from tests.integration.webhooks.shop import USER, Shop


async def taken(desk: Desk, account_id: str) -> dict[str, tuple[int, int]]:
    """By our payment's id what the ledger of this account has captured and refunded."""
    return {
        charge["metadata"]["tollgate_payment_id"]: (
            charge["amount_captured"],
            charge["amount_refunded"],
        )
        for charge in await desk.charges(account_id)
    }


async def life(shop: Shop) -> list[Payment]:
    """A charge, an authorization captured and refunded in part, and a charge whose answer is
    lost and settled."""
    charged, held = await shop.charge(), await shop.authorize()
    await shop.payments.capture(USER, shop.tenant.id, capture(held, 9_000))
    await shop.payments.refund(USER, shop.tenant.id, refund(held, 4_000))
    lost = await shop.lose_the_answer()
    await settle_after(shop, 6)
    return [charged, held, lost]


async def test_money_goes_to_the_account_in_use(shop: Shop) -> None:
    """PLATFORM, then CONNECT, then OWN: each account has its own payments and no other's; the
    platform's fee is kept from the connected account alone."""
    desk, key = Desk.of(shop), new_key()
    connected = await desk.connected(shop.tenant.id)
    through_platform = await life(shop)
    await desk.configure(connect(connected))
    through_connected = await life(shop)
    await desk.configure(own(key))
    through_own = await life(shop)

    accounts = [await desk.account_of(shop.stripe_key), connected, await desk.account_of(key)]
    for account_id, payments in zip(
        accounts, [through_platform, through_connected, through_own], strict=True
    ):
        charged, held, lost = (each.id for each in payments)
        expected = {charged: (10_000, 0), held: (9_000, 5_000), lost: (10_000, 0)}
        assert await taken(desk, account_id) == expected, account_id
        for payment in payments:
            assert (await shop.now_of(payment)).status is PaymentStatus.PAID
    kept = await desk.application_fees(3)
    assert [fee["account"] for fee in kept] == [connected] * 3
    assert sorted(fee["amount"] for fee in kept) == [270, 300, 300]
    assert await open_operations(shop) == 0


async def test_what_was_begun_finishes_on_its_account(shop: Shop) -> None:
    """A held payment is captured, a charge refunded, a lost answer settled, and a refused capture
    repeated on the account that they began on, while new payments go to the new one."""
    desk, key = Desk.of(shop), new_key()
    accounts = [platform(), connect(await desk.connected(shop.tenant.id)), own(key)]
    for old, new in zip(accounts, [*accounts[1:], accounts[0]], strict=True):
        await desk.configure(old)
        before = (await desk.rows())[-1] if old is not accounts[0] else (await desk.rows())[0]
        charged, held = await shop.charge(), await shop.authorize()
        lost = await shop.lose_the_answer()
        await desk.configure(new)
        await shop.payments.capture(USER, shop.tenant.id, capture(held))
        returned = await shop.payments.refund(USER, shop.tenant.id, refund(charged))
        await settle_after(shop, 6)
        fresh = await shop.charge()

        assert returned.refund.status is RefundStatus.SUCCEEDED
        begun = {charged.id, held.id, lost.id}
        old_account = before.profile.account_id or before.profile.key_account_id
        old_account = old_account or await desk.account_of(shop.stripe_key)
        on_old = await taken(desk, old_account)
        assert begun <= set(on_old)
        assert fresh.id not in on_old
        assert (on_old[charged.id], on_old[held.id]) == ((10_000, 10_000), (10_000, 0))
        for payment in (held, lost):
            assert (await shop.now_of(payment)).status is PaymentStatus.PAID
        assert fresh.gateway_id != charged.gateway_id
    assert await open_operations(shop) == 0


async def test_a_switch_under_an_unknown_outcome(shop: Shop, control: Control) -> None:
    """A charge that never reached the old account is sent there again, never to the new one."""
    desk, key = Desk.of(shop), new_key()
    await desk.configure(own(key))
    await control.order_fault("drop_before", method="POST", path=PATHS["charge"])
    command = await shop.start_command()
    with pytest.raises(OutcomeUnknown):
        await shop.payments.charge(USER, shop.tenant.id, command)
    await desk.configure(platform())
    await settle_after(shop, 6)
    done = await shop.payments.charge(USER, shop.tenant.id, command)

    assert (done.replayed, done.payment.status) == (True, PaymentStatus.PAID)
    assert await taken(desk, await desk.account_of(key)) == {done.payment.id: (10_000, 0)}
    assert await desk.charges(await desk.account_of(shop.stripe_key)) == []


async def test_a_tenant_without_a_gateway_takes_no_payment(shop: Shop) -> None:
    """Switched off, new payments are refused, and what was begun still finishes."""
    desk, held = Desk.of(shop), await shop.authorize()
    await desk.configure(platform(is_enabled=False))
    with pytest.raises(ValidationFailed, match="not set up"):
        await shop.charge()
    done = await shop.payments.capture(USER, shop.tenant.id, capture(held))

    assert done.payment.status is PaymentStatus.PAID


async def test_a_key_that_was_revoked_at_the_gateway_moves_no_money_elsewhere(shop: Shop) -> None:
    """The tenant's key stops working: nothing is done, the caller may repeat, an alert is open,
    and the platform's key is not used instead."""
    desk = Desk.of(shop)
    row = (await desk.configure(own(new_key()))).profile
    async with shop.database.begin(shop.tenant.id) as work:
        await work.gateways.save(row, GatewaySecrets("sk_test_sandbox_expired_1"))
        await work.commit()

    with pytest.raises(GatewayUnavailable) as refused:
        await shop.charge()
    assert refused.value.retryable
    assert await shop.alerts() == [("gateway.unauthorized", "CRITICAL", row.id)]
    assert (await shop.control.ledger())["charges"] == []
