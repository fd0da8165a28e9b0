"""Accounts that can take no charges any more are switched off, by the gateway's own word."""

from __future__ import annotations

from typing import Any

import pytest

from domain.events import EventService
from domain.gateways.stripe_gateway import StripeGateway
from domain.inbox import WebhookEvent, WebhookEventStatus
from tests.integration.domain.gateways import Desk, connect, new_key, own
from tests.integration.webhooks.shop import Shop
from tests.integration.webhooks.test_routing import WHSEC, by_row

PROCESSED, IGNORED = WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED
RETRY = WebhookEventStatus.RETRY
UPDATED, DEAUTHORIZED = "account.updated", "account.application.deauthorized"


def told(kind: str, account_id: str | None, **account: Any) -> dict[str, Any]:
    """An event of this type about the account."""
    about = {"id": account_id, "object": "account", **account}
    if kind == DEAUTHORIZED:
        about = {"id": "ca_1", "object": "application", "name": "Tollgate"}
    return {
        "id": f"evt_{kind}",
        "object": "event",
        "type": kind,
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "account": account_id,
        "data": {"object": about},
    }


async def connected(shop: Shop) -> tuple[Desk, str, str]:
    """The desk, the row of a connected account that is in use, and the account's id."""
    desk = Desk.of(shop)
    account_id = await desk.connected(shop.tenant.id)
    row = (await desk.configure(connect(account_id))).profile.id
    return desk, row, account_id


async def is_enabled(desk: Desk, row: str) -> bool:
    """Whether the account is in use."""
    return next(at.profile.is_enabled for at in await desk.rows() if at.profile.id == row)


async def switched_off(shop: Shop, desk: Desk, row: str, stored: WebhookEvent) -> None:
    """Asserts what is left of an account that an event switched off."""
    action, before, after = (await desk.audit())[-1]
    actor = await shop.rows(
        "select actor_type, actor_id from audit_log where action = 'gateway.disabled'"
        " and subject_id = :row and actor_type = 'GATEWAY'",
        row=row,
    )

    assert (stored.status, stored.tenant_id) == (PROCESSED, shop.tenant.id)
    assert not await is_enabled(desk, row)
    assert (action, before["is_enabled"], after["is_enabled"]) == ("gateway.disabled", True, False)
    assert actor == [("GATEWAY", stored.event_id)]
    assert await shop.alerts() == [("gateway.disabled", "CRITICAL", row)]


async def test_an_account_that_may_not_charge_is_switched_off(shop: Shop) -> None:
    """And one that may again stays off, until a person switches it on."""
    desk, row, account_id = await connected(shop)
    await desk.order(account_id, charges_enabled=False)
    stored = await by_row(shop, told(UPDATED, account_id, charges_enabled=False), row)
    await switched_off(shop, desk, row, stored)

    await desk.order(account_id, charges_enabled=True)
    again = told(UPDATED, account_id, charges_enabled=True) | {"id": "evt_again"}
    stored = await by_row(shop, again, row)
    assert stored.status is PROCESSED
    assert not await is_enabled(desk, row)


async def test_an_account_that_left_the_platform_is_switched_off(shop: Shop) -> None:
    """It cannot be read by the platform's key any more, while that key itself is good."""
    desk, row, account_id = await connected(shop)
    await desk.order(account_id, deauthorized=True)
    stored = await by_row(shop, told(DEAUTHORIZED, account_id), row)

    await switched_off(shop, desk, row, stored)


async def test_a_tenants_own_account_is_switched_off(shop: Shop) -> None:
    """By an event of its own endpoint, which its own key confirms."""
    desk, key = Desk.of(shop), new_key()
    row = (await desk.configure(own(key, webhook_secret=WHSEC))).profile.id
    account_id = await desk.account_of(key)
    await desk.order(account_id, charges_enabled=False)
    stored = await by_row(shop, told(UPDATED, account_id, charges_enabled=False), row)

    await switched_off(shop, desk, row, stored)


@pytest.mark.parametrize("kind", [UPDATED, DEAUTHORIZED])
async def test_a_lie_switches_nothing_off(shop: Shop, kind: str) -> None:
    """The event says it is over, the gateway says it is not."""
    desk, row, account_id = await connected(shop)
    stored = await by_row(shop, told(kind, account_id, charges_enabled=False), row)

    assert stored.status is PROCESSED
    assert await is_enabled(desk, row)
    assert await shop.alerts() == []


async def test_twice_is_once(shop: Shop) -> None:
    """A second event finds the account switched off and adds neither audit nor alert."""
    desk, row, account_id = await connected(shop)
    await desk.order(account_id, charges_enabled=False)
    event = told(UPDATED, account_id, charges_enabled=False)
    await by_row(shop, event, row)
    audit = await desk.audit()
    stored = await by_row(shop, event | {"id": "evt_twice"}, row)

    assert stored.status is PROCESSED
    assert await desk.audit() == audit
    assert len(await shop.alerts()) == 1


@pytest.mark.parametrize("kind", [UPDATED, DEAUTHORIZED])
async def test_an_account_that_cannot_be_asked_about_waits(shop: Shop, kind: str) -> None:
    """An outage of the gateway is no word on the account."""
    desk, row, account_id = await connected(shop)
    await shop.control.order_fault("unavailable", method="GET", path="/v1/accounts/.*")
    waiting = await by_row(shop, told(kind, account_id), row)
    shop.clock.advance(1)
    await shop.work_off()

    assert waiting.status is RETRY
    assert (await shop.event(waiting.id)).status is PROCESSED
    assert await is_enabled(desk, row)


@pytest.mark.parametrize("key", ["sk_test_sandbox_expired_1", "rk_test_sandbox_no_accounts_1"])
async def test_our_own_bad_key_switches_nobody_off(shop: Shop, key: str) -> None:
    """With the platform's key refused, or without the right to read accounts, every account looks
    lost; none is."""
    desk, row, account_id = await connected(shop)
    bad = StripeGateway(secret_key=key, api_base=shop.control.url)
    shop.events = EventService(shop.worker_database, bad, shop.wake, shop.clock)
    stored = await by_row(shop, told(DEAUTHORIZED, account_id), row)
    await bad.close()

    assert stored.status is RETRY
    assert await is_enabled(desk, row)
    assert await shop.alerts() == []


async def test_a_row_of_another_account_is_left_alone(shop: Shop) -> None:
    """An event reaches the row it came in by and no other, whatever account it names."""
    desk, row, account_id = await connected(shop)
    await desk.order(account_id, charges_enabled=False)
    event = told(UPDATED, account_id, charges_enabled=False)
    by_platform = await shop.process(event)
    own_account = await desk.account_of(shop.stripe_key)
    of_platform = await shop.process(told(UPDATED, own_account), id="evt_platform")

    assert (by_platform.status, of_platform.status) == (IGNORED, IGNORED)
    assert await is_enabled(desk, row)
