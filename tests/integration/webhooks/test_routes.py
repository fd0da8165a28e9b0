"""What Stripe is answered, on a real socket with the real database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from arq.connections import ArqRedis

from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.intake import SqlIntake
from db.work import SqlDatabase
from domain.endpoint_secrets import EndpointSecret
from tests.integration.webhooks.served import (
    CONNECT_SECRET,
    EVENT,
    SECRET,
    Endpoint,
    an_event,
    served,
    signature,
    stored,
)
from tests.integration.webhooks.shop import Shop
from webhooks.wake import QUEUE, ArqWake, redis_client


async def connect(shop: Shop, account_id: str) -> str:
    """A connected account of the tenant; returns its row's id."""
    await shop.write(
        "insert into tenant_payment_gateways (id, tenant_id, gateway_type, mode, livemode,"
        " is_enabled, fee_basis_points, fee_fixed_cents, account_id, created_at, updated_at)"
        " values (:id, :tenant, 'STRIPE', 'CONNECT', false, false, 290, 30, :account,"
        " now(), now())",
        id=f"gw_{account_id}",
        tenant=shop.tenant.id,
        account=account_id,
    )
    return f"gw_{account_id}"


async def test_a_good_delivery_is_stored(shop: Shop, endpoint: Endpoint) -> None:
    """A signed event is 200 and one row of the platform's, less its client secrets."""
    body = an_event(data={"object": {"id": "pi_1", "client_secret": "pi_1_secret_x"}})

    assert await endpoint.post(body) == 200
    ((gateway_id, event_type, api_version, payload),) = await shop.rows(
        "select gateway_id, event_type, api_version, payload from webhook_events"
    )
    assert gateway_id == await shop.endpoints.platform_gateway_id()
    assert (event_type, api_version) == (EVENT["type"], EVENT["api_version"])
    assert payload["data"] == {"object": {"id": "pi_1"}}


async def test_copies_are_stored_once(shop: Shop, endpoint: Endpoint) -> None:
    """Every copy of an event is answered 200, at once or one after the other, and stored once."""
    statuses = await asyncio.gather(*(endpoint.post(an_event()) for _ in range(30)))

    assert set(statuses) == {200}
    assert await endpoint.post(an_event()) == 200
    assert await stored(shop) == [("evt_1", "RECEIVED")]


@pytest.mark.parametrize(
    "made",
    [
        lambda: "",
        lambda: "garbage",
        lambda: "t=1,v1=00",
        lambda: signature(an_event(), "whsec_of_another"),
        lambda: signature(an_event(), age=301),
        lambda: signature(an_event(), age=-900),
        lambda: signature(an_event() + b"\n"),
        lambda: signature(an_event()).replace("v1=", "v0="),
        lambda: "t=1," + ",".join(["v1=" + "0" * 64] * 1000),
        lambda: "x" * 10_000,
        lambda: signature(an_event()).replace("t=", "t=NaN"),
        lambda: signature(an_event()).replace("t=", "t=-"),
        lambda: signature(an_event()).replace("t=", "t=" + "9" * 20),
        lambda: signature(an_event(), ""),
    ],
    ids=[
        *("none", "garbage", "wrong", "another secret", "stale", "early"),
        *("another body", "another scheme", "a thousand", "10 KB", "NaN", "negative", "20 digits"),
        "an empty secret",
    ],
)
async def test_a_bad_signature_is_refused(
    shop: Shop, endpoint: Endpoint, made: Callable[[], str]
) -> None:
    """A missing, foreign, stale, early or malformed signature is 400 without a word or a row. Its
    time is told when the test runs, which may be long after it was collected."""
    assert await endpoint.post(an_event(), headers={"Stripe-Signature": made()}) == 400
    assert await stored(shop) == []


async def test_nothing_is_read_before_its_signature(shop: Shop, endpoint: Endpoint) -> None:
    """A body that is no event at all is refused for its signature, as any other."""
    unsigned = {"Stripe-Signature": "t=1,v1=00"}

    assert await endpoint.post(b"[" * 100_000, headers=unsigned) == 400
    assert await stored(shop) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"[" * 100_000, an_event(id=None), an_event(livemode=1)],
    ids=lambda _: "body",
)
async def test_a_signed_body_that_is_no_event(shop: Shop, endpoint: Endpoint, body: bytes) -> None:
    """What we can verify and not read is 400, with nothing stored."""
    assert await endpoint.post(body) == 400
    assert await stored(shop) == []


async def test_a_signed_body_that_jsonb_cannot_hold(shop: Shop, endpoint: Endpoint) -> None:
    """A signed event with a NUL among good ones is 200 and DEAD, and harms none of them."""
    poison = an_event(id="evt_poison", data={"object": {"note": "\0"}})
    good = [an_event(id=f"evt_{number:02}") for number in range(20)]
    statuses = await asyncio.gather(*(endpoint.post(body) for body in [*good, poison]))
    expected = [(f"evt_{number:02}", "RECEIVED") for number in range(20)]

    assert set(statuses) == {200}
    assert await stored(shop) == [*expected, ("evt_poison", "DEAD")]
    assert [rule for rule, *_ in await shop.alerts()] == ["webhook.unreadable"]


async def test_without_a_secret_there_is_no_endpoint(shop: Shop) -> None:
    """With no secret, or blank ones, every delivery is 404, a well signed one included."""
    async with served(shop, secrets=["", " "], connect_secrets=[]) as endpoint:
        statuses = [await endpoint.post(an_event(), secret=secret) for secret in (SECRET, "", " ")]

    assert statuses == [404, 404, 404]
    assert await stored(shop) == []


async def test_secrets_roll(shop: Shop) -> None:
    """While a secret rolls, deliveries signed with the old and with the new one are stored."""
    async with served(shop, secrets=["whsec_new", SECRET]) as endpoint:
        old = await endpoint.post(an_event(id="evt_old"))
        new = await endpoint.post(an_event(id="evt_new"), secret="whsec_new")

    assert (old, new) == (200, 200)
    assert await stored(shop) == [("evt_new", "RECEIVED"), ("evt_old", "RECEIVED")]


async def test_a_secret_ends_by_itself(shop: Shop) -> None:
    """One with an end verifies until then; where all have ended there is no endpoint."""
    past, future = shop.clock.now() - timedelta(seconds=1), shop.clock.now() + timedelta(hours=1)
    ended, ending = EndpointSecret(SECRET, past), EndpointSecret("whsec_ending", future)
    async with served(shop, secrets=[ended, ending], connect_secrets=[]) as endpoint:
        one = [await endpoint.post(an_event(), secret=name) for name in (SECRET, "whsec_ending")]
        shop.clock.advance(3601)
        both = [await endpoint.post(an_event(), secret=name) for name in (SECRET, "whsec_ending")]

    assert (one, both) == ([400, 200], [404, 404])


async def test_a_connect_event_belongs_to_its_account(shop: Shop, endpoint: Endpoint) -> None:
    """Under a Connect secret the event's account says whose it is; the same id counts once each."""
    gateway_id = await connect(shop, "acct_1")
    body = an_event(account="acct_1")

    assert await endpoint.post(body, secret=CONNECT_SECRET) == 200
    assert await endpoint.post(an_event()) == 200
    assert sorted(await shop.rows("select gateway_id, account from webhook_events"), key=str) == (
        sorted(
            [(gateway_id, "acct_1"), (await shop.endpoints.platform_gateway_id(), None)], key=str
        )
    )


async def test_an_account_under_the_platforms_secret_counts_for_nothing(
    shop: Shop, endpoint: Endpoint
) -> None:
    """The platform's secret speaks for the platform's row alone, whatever account is named."""
    await connect(shop, "acct_1")

    assert await endpoint.post(an_event(account="acct_1")) == 200
    assert await shop.rows("select gateway_id from webhook_events") == [
        (await shop.endpoints.platform_gateway_id(),)
    ]


@pytest.mark.parametrize("account", ["acct_unknown", None, ""])
async def test_a_connect_event_of_nobody(
    shop: Shop, endpoint: Endpoint, account: str | None
) -> None:
    """An unknown or missing account is answered as a bad signature is."""
    assert await endpoint.post(an_event(account=account), secret=CONNECT_SECRET) == 400
    assert await stored(shop) == []


async def test_a_connect_event_of_the_other_mode(shop: Shop, endpoint: Endpoint) -> None:
    """A live event of a test account is stored, so that Stripe stops sending, and IGNORED."""
    await connect(shop, "acct_1")
    body = an_event(account="acct_1", livemode=True, type="payment_intent.succeeded")

    assert await endpoint.post(body, secret=CONNECT_SECRET) == 200
    await shop.work_off()
    assert await stored(shop) == [("evt_1", "IGNORED")]


async def test_redis_away_is_no_matter(shop: Shop, endpoint: Endpoint) -> None:
    """With Redis away deliveries are 200 and stored, and soon no slower than with it."""
    started = time.monotonic()
    statuses = [await endpoint.post(an_event(id=f"evt_{number}")) for number in range(20)]

    assert set(statuses) == {200}
    assert len(await stored(shop)) == 20
    assert time.monotonic() - started < 5


async def test_the_worker_is_woken(shop: Shop, redis_url: str) -> None:
    """A new event leaves one job in Redis that carries its id; a copy leaves none."""
    wake, redis = ArqWake(redis_url), redis_client(redis_url)
    try:
        async with served(shop, wake=wake) as endpoint:
            await endpoint.post(an_event())
            await endpoint.post(an_event())
        jobs = await queued(redis)
    finally:
        await wake.close()
        await redis.aclose(close_connection_pool=True)
    ((event_id,),) = await shop.rows("select id from webhook_events")

    assert jobs == [("process_webhook_event", (event_id,))]


async def queued(redis: ArqRedis) -> list[tuple[str, tuple[object, ...]]]:
    """The waiting jobs: function and arguments."""
    return [(job.function, tuple(job.args)) for job in await redis.queued_jobs(queue_name=QUEUE)]


async def test_postgresql_away_is_tried_again(shop: Shop) -> None:
    """With PostgreSQL away a good delivery is 503, so that Stripe sends it again."""
    engine = make_engine("postgresql://nobody:x@127.0.0.1:1/nowhere")
    database = SqlDatabase(engine, AesGcmCipher({"k1": b"0" * 32}, "k1"))
    async with served(shop, database=database, intake=SqlIntake(engine)) as endpoint:
        good = await endpoint.post(an_event())
        bad = await endpoint.post(an_event(), secret="whsec_of_another")
    await engine.dispose()

    assert (good, bad) == (503, 400)
