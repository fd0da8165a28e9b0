"""Events about a connected account, full-size: what they switch off, and what they never do."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import pytest

from db.seeding import add_tenant
from domain.inbox import WebhookEventStatus
from tests.events.catalog import Shape, body, event
from tests.events.facts import Facts
from tests.integration.domain.gateways import Desk, connect
from tests.integration.events.mailbox import Mailbox
from tests.integration.events.rows import ACCOUNT_TYPES
from tests.integration.webhooks.served import CONNECT_SECRET

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROCESSED, IGNORED = WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED


@dataclass(frozen=True)
class Connected:
    """A tenant that is paid through a connected account of its own."""

    mailbox: Mailbox
    desk: Desk
    tenant_id: str
    account_id: str

    @classmethod
    async def of(cls, mailbox: Mailbox) -> Connected:
        """A new tenant, whose account is open and in use."""
        desk = Desk.of(mailbox.shop)
        name = f"connected-{secrets.token_hex(4)}"
        tenant, _ = await add_tenant(
            mailbox.shop.engine, name=name, slug=name, tier_level=1, default_currency="USD"
        )
        account_id = await desk.connected(tenant.id)
        await desk.configure(connect(account_id), tenant_id=tenant.id)
        return cls(mailbox, desk, tenant.id, account_id)

    async def close(self, type_: str) -> None:
        """What the event of this type tells of happens at the gateway."""
        closed = (
            {"deauthorized": True} if type_.endswith("deauthorized") else {"charges_enabled": False}
        )
        await self.desk.order(self.account_id, **closed)

    @property
    def facts(self) -> Facts:
        """The account as its event tells of it: closed."""
        return Facts(
            account=self.account_id,
            charges_enabled=False,
            tollgate={"tollgate_tenant_id": self.tenant_id},
        )

    async def state(self) -> tuple[list[tuple[object, ...]], ...]:
        """Whether the account is in use, what the audit says of it, and its alerts."""
        rows = self.mailbox.shop.rows
        return (
            await rows(
                "select is_enabled from tenant_payment_gateways where tenant_id = :tenant"
                " and account_id = :account",
                tenant=self.tenant_id,
                account=self.account_id,
            ),
            await rows(
                "select action, actor_type, actor_id from audit_log where tenant_id = :tenant"
                " and action like 'gateway.%' order by id",
                tenant=self.tenant_id,
            ),
            await rows(
                "select rule, severity from alerts where tenant_id = :tenant",
                tenant=self.tenant_id,
            ),
        )


@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("type_", ACCOUNT_TYPES)
async def test_an_account_that_is_closed(mailbox: Mailbox, type_: str, shape: Shape) -> None:
    """The account is out of use, by the event's name, with one alert; a second delivery, and the
    same told by another event in the other shape, change nothing."""
    connected = await Connected.of(mailbox)
    await connected.close(type_)
    _, configured, _ = await connected.state()
    told = event(type_, connected.facts, shape, account=connected.account_id)
    done = await mailbox.deliver(told, secret=CONNECT_SECRET)
    enabled, audit, alerts = after = await connected.state()

    assert (done.status, done.error_message) == (PROCESSED, None)
    assert (done.tenant_id, done.payment_id, done.account) == (
        connected.tenant_id,
        None,
        connected.account_id,
    )
    assert enabled == [(False,)]
    assert [(kind, who) for _, kind, who in audit[len(configured) :]] == [("GATEWAY", told["id"])]
    assert alerts == [("gateway.disabled", "CRITICAL")]

    assert await mailbox.deliver(told, secret=CONNECT_SECRET) == done
    for other in Shape:
        again = event(type_, connected.facts, other, account=connected.account_id)
        assert (await mailbox.deliver(again, secret=CONNECT_SECRET)).status is PROCESSED
        assert await connected.state() == after


@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("type_", ACCOUNT_TYPES)
async def test_an_account_that_is_said_to_be_closed(
    mailbox: Mailbox, type_: str, shape: Shape
) -> None:
    """An account that is open at the gateway stays in use, whatever its event says."""
    connected = await Connected.of(mailbox)
    before = await connected.state()
    told = event(type_, connected.facts, shape, account=connected.account_id)
    done = await mailbox.deliver(told, secret=CONNECT_SECRET)

    assert (done.status, done.tenant_id) == (PROCESSED, connected.tenant_id)
    assert await connected.state() == before
    assert before[0] == [(True,)]


async def test_an_account_that_names_another(mailbox: Mailbox) -> None:
    """An event of one account whose object is another, which is closed: neither is touched, as the
    object says nothing of whose event it is."""
    connected, other = await Connected.of(mailbox), await Connected.of(mailbox)
    await other.close("account.updated")
    before = await connected.state(), await other.state()
    told = event("account.updated", other.facts, account=connected.account_id)
    done = await mailbox.deliver(told, secret=CONNECT_SECRET)

    assert (done.status, done.tenant_id) == (PROCESSED, connected.tenant_id)
    assert (await connected.state(), await other.state()) == before


@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("type_", ACCOUNT_TYPES)
async def test_the_platforms_own_account(mailbox: Mailbox, type_: str, shape: Shape) -> None:
    """No event switches the platform itself off."""
    done = await mailbox.deliver(event(type_, Facts(charges_enabled=False), shape))

    assert done.status is IGNORED
    assert done.error_message


@pytest.mark.parametrize("type_", ACCOUNT_TYPES)
async def test_an_envelope_before_the_account_had_its_field(mailbox: Mailbox, type_: str) -> None:
    """Until 2017-05-25 an event named its account `user_id`: nothing here reads that, so that it is
    refused as a Connect event of nobody, and nothing is stored."""
    connected = await Connected.of(mailbox)
    await connected.close(type_)
    before = await connected.state()
    told = event(type_, connected.facts, Shape.OLDER)
    told |= {"user_id": connected.account_id, "request": "req_x", "api_version": "2017-04-06"}

    assert await mailbox.endpoint.post(body(told), secret=CONNECT_SECRET) == 400
    assert await connected.state() == before
    assert (
        await mailbox.shop.rows("select 1 from webhook_events where event_id = :id", id=told["id"])
        == []
    )
