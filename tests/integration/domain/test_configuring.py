"""configurePaymentGateway: what is tried, what is refused, and what is written."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from domain.errors import GatewayRejected, GatewayUnavailable, InvalidState, ValidationFailed
from domain.gateway_rules import ConfigureGateway
from domain.gateways.stripe_gateway import StripeGateway
from domain.tenant import GatewayMode
from tests.e2e.sandbox.control import Control
from tests.integration.domain.gateways import Desk, connect, new_key, own, platform, refusal
from tests.integration.webhooks.shop import Shop

WEBHOOK_SECRET = "whsec_of_the_merchants_own_endpoint"
ACCOUNT_PATH = "/v1/account"


async def test_a_tenants_own_key_is_tried_and_kept_to_its_last_four(shop: Shop) -> None:
    """The row has the account that the key leads to, hints, and secrets that the database cannot
    show; the platform's row is switched off; the audit tells both and no secret."""
    desk, key = Desk.of(shop), new_key()
    shown = await desk.configure(own(key, webhook_secret=WEBHOOK_SECRET))
    row = shown.profile
    ((stored,),) = await shop.rows(
        "select t::text from tenant_payment_gateways t where id = :id", id=row.id
    )
    audit = await desk.audit()

    assert (row.mode, row.is_enabled, row.livemode) == (GatewayMode.OWN, True, False)
    assert row.key_account_id == await desk.account_of(key)
    assert (row.secret_key_hint, row.webhook_secret_hint) == (key[-4:], WEBHOOK_SECRET[-4:])
    assert shown.webhook_url == f"https://pay.example/api/webhooks/stripe/{row.id}"
    assert await desk.modes() == [("PLATFORM", False), ("OWN", True)]
    assert [action for action, *_ in audit] == ["gateway.disabled", "gateway.added"]
    assert (audit[0][1]["is_enabled"], audit[0][2]["is_enabled"]) == (True, False)
    assert audit[1][1] is None
    assert audit[1][2]["replaced"] == ["secret_key", "webhook_secret"]
    for secret in (key, WEBHOOK_SECRET):
        assert secret not in stored + json.dumps(audit)
        assert secret.encode().hex() not in stored


async def test_the_same_input_again_changes_nothing(shop: Shop) -> None:
    """A repeat of each mode writes no row and no line, and answers with the same row."""
    desk, key = Desk.of(shop), new_key()
    account_id = await desk.connected(shop.tenant.id)
    for command in (own(key, webhook_secret=WEBHOOK_SECRET), connect(account_id), platform()):
        first = await desk.configure(command)
        audited = len(await desk.audit())
        again = await desk.configure(command)

        assert again == first
        assert len(await desk.audit()) == audited
    assert await desk.modes() == [("PLATFORM", True), ("OWN", False), ("CONNECT", False)]


async def test_another_key_of_the_same_account_goes_into_the_same_row(shop: Shop) -> None:
    """What changes is told by name; what is left out stays."""
    desk, key = Desk.of(shop), new_key()
    first = await desk.configure(own(key, webhook_secret=WEBHOOK_SECRET))
    other = "whsec_of_another_endpoint"
    second = await desk.configure(own(webhook_secret=other))
    action, before, after = (await desk.audit())[-1]

    assert second.profile.id == first.profile.id
    assert second.profile.secret_key_hint == key[-4:]
    assert (action, after["replaced"]) == ("gateway.changed", ["webhook_secret"])
    assert (before["webhook_secret_hint"], after["webhook_secret_hint"]) == (
        WEBHOOK_SECRET[-4:],
        other[-4:],
    )


async def test_a_gateway_is_switched_off_and_on_again(shop: Shop) -> None:
    """Off leaves the tenant without a gateway; on again needs no key, and tries the stored one."""
    desk = Desk.of(shop)
    await desk.configure(own(new_key()))
    await desk.configure(own(is_enabled=False))
    off = await desk.modes()
    await desk.configure(own())

    assert off == [("PLATFORM", False), ("OWN", False)]
    assert await desk.modes() == [("PLATFORM", False), ("OWN", True)]
    actions = [action for action, *_ in await desk.audit()]
    assert actions[2:] == ["gateway.disabled", "gateway.enabled"]


WRONG: list[tuple[ConfigureGateway, set[str]]] = [
    (own("pk_test_publishable_key"), {"SECRET_KEY_MALFORMED"}),
    (own("sk_test_short"), {"SECRET_KEY_MALFORMED"}),
    (own("sk_test_with space in it"), {"SECRET_KEY_MALFORMED"}),
    (own("sk_test_trailing_newline\n"), {"SECRET_KEY_MALFORMED"}),
    (own("sk_live_of_a_live_account"), {"SECRET_KEY_WRONG_MODE"}),
    (own("rk_live_of_a_live_account"), {"SECRET_KEY_WRONG_MODE"}),
    (own(), {"SECRET_KEY_REQUIRED"}),
    (own("sk_test_of_my_account", webhook_secret="secret"), {"WEBHOOK_SECRET_MALFORMED"}),
    (
        own("pk_test_1", webhook_secret="whsec_"),
        {"SECRET_KEY_MALFORMED", "WEBHOOK_SECRET_MALFORMED"},
    ),
    (own("sk_test_of_my_account", account_id="acct_12345678"), {"FIELD_NOT_APPLICABLE"}),
    (connect(None), {"ACCOUNT_ID_REQUIRED"}),
    (connect("12345678"), {"ACCOUNT_ID_MALFORMED"}),
    (connect("acct_1234/../5678"), {"ACCOUNT_ID_MALFORMED"}),
    (
        replace(connect("acct_12345678"), secret_key="sk_test_12345678"),
        {"FIELD_NOT_APPLICABLE"},
    ),
    (replace(platform(), account_id="acct_12345678"), {"FIELD_NOT_APPLICABLE"}),
]


async def test_input_of_the_wrong_form_is_refused_unheard(shop: Shop, control: Control) -> None:
    """Each broken rule is named; the gateway is not asked, nothing is written, no value is said."""
    desk, rows = Desk.of(shop), await Desk.of(shop).rows()
    await control.order_fault("unavailable", path=".*", times=None)
    for command, rules in WRONG:
        with pytest.raises(ValidationFailed) as failed:
            await desk.configure(command)

        assert {issue.rule for issue in failed.value.issues} == rules
        given = (command.secret_key, command.webhook_secret, command.account_id)
        assert not [at for at in given if at and len(at) > 8 and at in str(failed.value)]
    assert await desk.rows() == rows
    assert await desk.audit() == []


async def test_a_key_that_the_gateway_refuses_is_not_stored(shop: Shop) -> None:
    """An expired key, and a restricted one that may not read its account: the permission that it
    lacks is named."""
    desk, rows = Desk.of(shop), await Desk.of(shop).rows()
    expired = await refusal(desk, own("sk_test_sandbox_expired_1"))
    restricted = await refusal(desk, own("rk_test_sandbox_no_accounts_1"))
    allowed = await desk.configure(own("rk_test_with_every_permission"))

    assert expired[0] == "CREDENTIALS_REFUSED"
    assert restricted[0] == "KEY_PERMISSION_MISSING"
    assert "rak_accounts_kyc_basic_read" in restricted[1]
    assert "sandbox" not in expired[1] + restricted[1]
    assert [row.profile.id for row in rows] == [at.profile.id for at in await desk.rows()][:-1]
    assert allowed.profile.is_enabled


async def test_an_account_that_cannot_charge_is_not_switched_on(shop: Shop) -> None:
    """Neither by key nor connected; it may be stored switched off."""
    desk, key = Desk.of(shop), new_key()
    account_id = await desk.connected(shop.tenant.id)
    for each in (account_id, await desk.account_of(key)):
        await desk.order(each, charges_enabled=False)

    assert (await refusal(desk, own(key)))[0] == "ACCOUNT_CANNOT_CHARGE"
    assert (await refusal(desk, connect(account_id)))[0] == "ACCOUNT_CANNOT_CHARGE"
    stored = await desk.configure(connect(account_id, is_enabled=False))
    assert (await refusal(desk, connect(account_id)))[0] == "ACCOUNT_CANNOT_CHARGE"
    assert not stored.profile.is_enabled
    assert await desk.modes() == [("PLATFORM", True), ("CONNECT", False)]


async def test_a_gateway_that_is_away_changes_nothing(shop: Shop, control: Control) -> None:
    """However it fails to answer, the caller may repeat the call, which then succeeds."""
    desk, key = Desk.of(shop), new_key()
    for fault in ("unavailable", "rate_limit", "error_before", "garbled", "html"):
        await control.order_fault(fault, path=ACCOUNT_PATH)
        with pytest.raises(GatewayUnavailable) as away:
            await desk.configure(own(key))

        assert away.value.retryable
        assert await desk.modes() == [("PLATFORM", True)]
    await desk.configure(own(key))

    assert await desk.modes() == [("PLATFORM", False), ("OWN", True)]


async def test_nothing_is_held_while_the_gateway_is_asked(shop: Shop, control: Control) -> None:
    """While the key is tried no connection is in a transaction, and others configure meanwhile."""
    desk, key = Desk.of(shop), new_key()
    await desk.configure(own(new_key()))
    await control.order_fault("latency", path=ACCOUNT_PATH, seconds=1)
    slow = asyncio.create_task(desk.configure(own(key)))
    await asyncio.sleep(0.4)
    busy = await shop.rows(
        "select pid from pg_stat_activity where datname = current_database()"
        " and state like 'idle in transaction%'"
    )
    async with asyncio.timeout(0.5):
        await desk.configure(platform())
    await slow

    assert busy == []
    assert (await desk.modes())[0] == ("PLATFORM", False)


async def test_calls_of_one_tenant_at_once_leave_one_gateway_in_use(shop: Shop) -> None:
    """Whatever they ask for, and one row for each account."""
    desk, key = Desk.of(shop), new_key()
    account_id = await desk.connected(shop.tenant.id)
    commands = [own(key), own(key), connect(account_id), connect(account_id), platform()]
    await asyncio.gather(*(desk.configure(command) for command in commands * 2))

    modes = await desk.modes()
    assert sorted(mode for mode, _ in modes) == ["CONNECT", "OWN", "PLATFORM"]
    assert [is_enabled for _, is_enabled in modes].count(True) == 1


async def test_a_stored_key_that_was_replaced_meanwhile_is_not_switched_on(
    shop: Shop, control: Control
) -> None:
    """What was tried must be what is stored."""
    desk, key = Desk.of(shop), new_key()
    await desk.configure(own(key))
    await desk.configure(own(is_enabled=False))
    await control.order_fault("latency", path=ACCOUNT_PATH, seconds=1)
    waiting = asyncio.create_task(desk.configure(own()))
    await asyncio.sleep(0.3)
    await desk.configure(own(webhook_secret=WEBHOOK_SECRET, is_enabled=False))

    with pytest.raises(InvalidState) as changed:
        await waiting
    assert (changed.value.detail_code, changed.value.retryable) == ("GATEWAY_CHANGED", True)
    assert await desk.modes() == [("PLATFORM", False), ("OWN", False)]


async def test_a_platform_whose_own_key_is_refused_says_so(shop: Shop, sandbox_url: str) -> None:
    """It is not the tenant's mistake, and no account is taken unseen."""
    gateway = StripeGateway(secret_key="sk_test_sandbox_expired_platform", api_base=sandbox_url)
    shop.gateway = gateway
    try:
        with pytest.raises(GatewayRejected) as rejected:
            await Desk.of(shop).configure(own(new_key()))
    finally:
        await gateway.close()
    assert rejected.value.detail_code == "PLATFORM_CREDENTIALS_REFUSED"
    assert await Desk.of(shop).modes() == [("PLATFORM", True)]
