"""The endpoint of a tenant's own account: who may sign for it, how long, and what that reaches."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import event

from domain.endpoints import REMEMBERED_SECONDS
from domain.gateway_profile import GatewayProfile
from domain.payment import PaymentStatus
from tests.integration.domain.gateways import Desk, new_key, own, platform
from tests.integration.webhooks.served import (
    CONNECT_SECRET,
    PATH,
    SECRET,
    Endpoint,
    an_event,
    served,
    signature,
    stored,
)
from tests.integration.webhooks.shop import Shop

OWN_SECRET = "whsec_of_the_merchants_own_endpoint"
RIVAL_SECRET = "whsec_of_the_rivals_own_endpoint"
DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Merchants:
    """Two tenants with an account of their own each."""

    desk: Desk
    ours: GatewayProfile
    theirs: GatewayProfile

    @classmethod
    async def of(cls, shop: Shop) -> Merchants:
        """The shop's tenant and a rival."""
        desk = Desk.of(shop)
        rival = await desk.rival()
        ours = await desk.configure(own(new_key(), webhook_secret=OWN_SECRET))
        theirs = await desk.configure(own(new_key(), webhook_secret=RIVAL_SECRET), tenant_id=rival)
        return cls(desk, ours.profile, theirs.profile)


def path_of(row: GatewayProfile) -> str:
    """Where the account's events go."""
    return f"{PATH}/{row.id}"


async def test_a_tenants_own_events_are_stored_for_its_row(shop: Shop, endpoint: Endpoint) -> None:
    """Under its own secret at its own address, and under no other secret at no other address."""
    merchants = await Merchants.of(shop)
    taken = await endpoint.post(an_event(), secret=OWN_SECRET, path=path_of(merchants.ours))
    refused = [
        await endpoint.post(an_event(), secret=secret, path=path)
        for path, secret in (
            (path_of(merchants.ours), RIVAL_SECRET),
            (path_of(merchants.theirs), OWN_SECRET),
            (path_of(merchants.ours), SECRET),
            (path_of(merchants.ours), CONNECT_SECRET),
            (PATH, OWN_SECRET),
        )
    ]

    assert (taken, set(refused)) == (200, {400})
    assert await shop.rows("select gateway_id, tenant_id from webhook_events") == [
        (merchants.ours.id, None)
    ]


async def test_everything_unheard_is_answered_alike(shop: Shop, endpoint: Endpoint) -> None:
    """An unknown row, the platform's, one that is no id, one without a secret and one of a tenant
    that is switched off are all the answer of a wrong signature, byte for byte."""
    merchants = await Merchants.of(shop)
    silent = await merchants.desk.configure(own(new_key()))
    platform_id = await shop.endpoints.platform_gateway_id()
    await shop.write(
        "update tenants set is_active = false where id = :id", id=merchants.theirs.tenant_id
    )
    body = an_event()

    async def answered(gateway_id: str, secret: str) -> tuple[object, ...]:
        headers = {"Content-Type": "application/json", "Stripe-Signature": signature(body, secret)}
        sent = endpoint.session.post(f"{PATH}/{gateway_id}", data=body, headers=headers)
        async with sent as answer:
            kept = {name for name in answer.headers if name.lower() != "date"}
            return answer.status, await answer.read(), frozenset(kept)

    wrong = await answered(merchants.ours.id, RIVAL_SECRET)
    others = [
        await answered(merchants.ours.id[:-1] + "z", OWN_SECRET),
        await answered(platform_id, SECRET),
        await answered("gw_unknown", OWN_SECRET),
        await answered("gw_" + "x" * 500, OWN_SECRET),
        await answered(silent.profile.id, OWN_SECRET),
        await answered(silent.profile.id, "whsec_of_nobody"),
        await answered(merchants.theirs.id, RIVAL_SECRET),
    ]

    assert wrong[0] == 400
    assert set(others) == {wrong}
    assert await stored(shop) == []
    shown = (await served_metrics(shop))["signature"]
    assert shown == len(others) + 1


async def served_metrics(shop: Shop) -> dict[str, float]:
    """How many deliveries were refused, by reason."""
    return {
        str(sample.labels["reason"]): sample.value
        for metric in shop.measures.registry.collect()
        for sample in metric.samples
        if sample.name == "tollgate_webhook_refusals_total"
    }


async def test_a_row_that_is_switched_off_still_hears(shop: Shop, endpoint: Endpoint) -> None:
    """The merchant moved on; refunds and disputes of its old payments go on all the same."""
    merchants = await Merchants.of(shop)
    await merchants.desk.configure(platform())

    assert await endpoint.post(an_event(), secret=OWN_SECRET, path=path_of(merchants.ours)) == 200


async def test_a_renewed_secret_overlaps_for_a_day(shop: Shop) -> None:
    """The old one is believed for 24 h beside the new one, and no longer; the same one again, also
    with the first one's end near, changes nothing."""
    merchants = await Merchants.of(shop)
    path = path_of(merchants.ours)

    async def answers(number: int) -> list[int]:
        async with served(shop) as endpoint:
            return [
                await endpoint.post(
                    an_event(id=f"evt_{number}"),
                    secret=secret,
                    path=path,
                    headers={"Stripe-Signature": moved(shop, f"evt_{number}", secret)},
                )
                for secret in (OWN_SECRET, "whsec_second_one", "whsec_third_one")
            ]

    await merchants.desk.configure(own(webhook_secret="whsec_second_one"))
    renewed = await answers(1)
    shop.clock.advance(DAY - 60)
    again = await merchants.desk.configure(own(webhook_secret="whsec_second_one"))
    near = await answers(2)
    shop.clock.advance(120)
    over = await answers(3)
    await merchants.desk.configure(own(webhook_secret="whsec_third_one"))
    third = await answers(4)

    assert (renewed, near) == ([200, 200, 400], [200, 200, 400])
    assert (over, third) == ([400, 200, 400], [400, 200, 200])
    assert again.profile.webhook_secret_hint == "_one"
    assert await shop.rows("select count(*), count(expires_at) from endpoint_secrets") == [(4, 2)]


def moved(shop: Shop, event_id: str, secret: str) -> str:
    """A signature of the time that the code under test believes."""
    return signature(an_event(id=event_id), secret, age=-int(shop.clock.ahead.total_seconds()))


async def test_forged_deliveries_cost_the_database_no_work_each(
    shop: Shop, endpoint: Endpoint
) -> None:
    """What is known of an address, or that it leads nowhere, is remembered for seconds; many that
    come at once ask once."""
    merchants = await Merchants.of(shop)
    asked = 0

    def count(*_: object) -> None:
        nonlocal asked
        asked += 1

    pool = shop.api
    event.listen(pool.sync_engine, "checkout", count)
    nowhere = f"{PATH}/{merchants.ours.id[:-1]}z"
    forged = [
        endpoint.post(an_event(), secret="whsec_forged", path=path)
        for path in (path_of(merchants.ours), nowhere, f"{PATH}/gw_unknown")
        for _ in range(40)
    ]
    began = time.monotonic()
    statuses = await asyncio.gather(*forged)
    # A busy machine may take longer over them than an answer is remembered.
    spans = 1 + int((time.monotonic() - began) // REMEMBERED_SECONDS)

    assert set(statuses) == {400}
    assert 2 <= asked <= 2 * spans


def about(row: GatewayProfile, payment_id: str, intent: str, **changes: Any) -> bytes:
    """A success of an intent that names a payment of somebody's in its metadata."""
    subject: Mapping[str, Any] = {
        "id": intent,
        "object": "payment_intent",
        "status": "succeeded",
        "amount": 10_000,
        "currency": "usd",
        "metadata": {"tollgate_payment_id": payment_id},
    }
    named = {"type": "payment_intent.succeeded", "data": {"object": subject}, **changes}
    return an_event(account=row.key_account_id, **named)


async def test_a_tenant_who_signs_anothers_events_changes_nothing_of_theirs(
    shop: Shop, endpoint: Endpoint
) -> None:
    """With its own secret, at its own address: their event ids, their account, their payment's ids
    in every place. Their rows stay as they are, and their own events are still taken in."""
    merchants = await Merchants.of(shop)
    theirs = await shop.lose_the_answer()  # a payment of the shop's tenant, not known to be paid
    intent = await shop.gateway_events("payment_intent.succeeded")
    lie = about(merchants.ours, theirs.id, f"pi_{len(intent)}_of_the_victim", id="evt_theirs")
    before = await shop.now_of(theirs)
    forged = await endpoint.post(lie, secret=RIVAL_SECRET, path=path_of(merchants.theirs))
    await shop.work_off()
    after = await shop.now_of(theirs)
    own_copy = await endpoint.post(lie, secret=OWN_SECRET, path=path_of(merchants.ours))

    assert (forged, own_copy) == (200, 200)
    assert replace(after, updated_at=before.updated_at) == before
    assert after.status is PaymentStatus.PENDING
    rows = await shop.rows(
        "select gateway_id, event_id, tenant_id, payment_id from webhook_events order by created_at"
    )
    assert [row[:2] for row in rows] == [
        (merchants.theirs.id, "evt_theirs"),
        (merchants.ours.id, "evt_theirs"),
    ]
    assert theirs.tenant_id not in json.dumps(rows[0])


@pytest.mark.parametrize("livemode", [True])
async def test_an_event_of_the_other_mode_is_ignored(
    shop: Shop,
    endpoint: Endpoint,
    livemode: bool,  # noqa: FBT001
) -> None:
    """It is stored, so that it is sent no more, and leads to no payment."""
    merchants = await Merchants.of(shop)
    body = about(merchants.ours, "pay_any", "pi_any", livemode=livemode)

    assert await endpoint.post(body, secret=OWN_SECRET, path=path_of(merchants.ours)) == 200
    await shop.work_off()
    assert await stored(shop) == [("evt_1", "IGNORED")]
