"""Whose an account at the gateway is: proven by its key, or said by the platform."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from domain.errors import ValidationFailed
from tests.integration.domain.gateways import Desk, connect, new_key, own, refusal
from tests.integration.webhooks.shop import Shop


async def test_a_connected_account_is_its_tenants_alone(shop: Shop) -> None:
    """An id proves nothing: what the platform has not written on, or another tenant's, is as if it
    did not exist; the platform's people may claim the first and not the second."""
    desk = Desk.of(shop)
    rival_id = await desk.rival()
    mine, nobodys, theirs = [
        await desk.connected(each) for each in (shop.tenant.id, None, rival_id)
    ]
    deauthorized = await desk.connected(shop.tenant.id)
    await desk.order(deauthorized, deauthorized=True)
    platforms = await desk.account_of(shop.stripe_key)
    unknown = await refusal(desk, connect("acct_doesNotExist00000"))

    for account_id in (nobodys, theirs, deauthorized, platforms):
        assert await refusal(desk, connect(account_id)) == unknown
        assert await refusal(desk, connect(account_id, is_enabled=False)) == unknown
    for account_id in (theirs, deauthorized, platforms):
        assert await refusal(desk, connect(account_id), by_platform=True) == unknown
    assert await desk.modes() == [("PLATFORM", True)]
    await desk.configure(connect(mine))
    claimed = await desk.configure(connect(nobodys), by_platform=True)
    assert await refusal(desk, connect(nobodys), tenant_id=rival_id, by_platform=True) == unknown
    assert await refusal(desk, connect(nobodys), tenant_id=rival_id) == unknown
    assert claimed.webhook_url == "https://pay.example/api/webhooks/stripe"
    await desk.configure(connect(mine))
    assert (await desk.configure(connect(nobodys))).profile == replace(
        claimed.profile, updated_at=(await desk.rows())[-1].profile.updated_at
    )


async def test_a_key_must_lead_to_an_account_of_the_tenants_own(shop: Shop) -> None:
    """Not to the platform's, nor to one that another tenant is paid through by key or connected."""
    desk, key = Desk.of(shop), new_key()
    rival_id = await desk.rival()
    bad = await refusal(desk, own("sk_test_sandbox_expired_1"))
    await desk.configure(own(key), tenant_id=rival_id)

    assert await refusal(desk, own(shop.stripe_key)) == bad
    assert await refusal(desk, own(key)) == bad
    assert await desk.modes() == [("PLATFORM", True)]


async def test_two_tenants_at_once_do_not_share_an_account(shop: Shop) -> None:
    """Of two who configure the same key at the same moment one is refused."""
    desk, key = Desk.of(shop), new_key()
    rival_id = await desk.rival()
    both = await asyncio.gather(
        desk.configure(own(key)),
        desk.configure(own(key), tenant_id=rival_id),
        return_exceptions=True,
    )

    assert len([each for each in both if isinstance(each, ValidationFailed)]) == 1
    ((rows,),) = await shop.rows(
        "select count(*) from tenant_payment_gateways where mode = 'OWN' and is_enabled"
    )
    assert rows == 1
