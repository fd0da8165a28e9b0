"""Budgets over a real Redis: what each caller may ask for, and what happens while Redis is away."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from graphql import parse
from redis.asyncio import Redis

from app.budgets import PAUSE_SECONDS, SECONDS_MAX, Budgets, Rates, redis_windows
from app.windows import LocalWindows
from domain.caller import Role
from domain.ids import Prefix, new_id
from schema.limits import REFUSED_COST, check_document
from tests.builders import TENANT
from tests.integration.app.black_hole import a_black_hole
from tests.integration.app.budgeted import (
    Front,
    Make,
    a_checkout_token,
    a_tenant,
    a_token,
)
from tests.unit.schema.shop import CHARGE


async def test_a_spent_budget_is_a_429(a_front: Make) -> None:
    """With Retry-After, a code, the request id and the cost; nothing was executed."""
    front = a_front(client=3)
    token = a_token(a_tenant())
    assert await front.statuses(3, token=token) == [200] * 3
    answer = await front.ask(CHARGE, token=token, headers=[("X-Request-Id", "r-1")], order="ord_1")
    (error,) = answer.json["errors"]

    assert answer.status == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 120
    assert error["extensions"] == {
        "code": "RATE_LIMITED",
        "requestId": "r-1",
        "retryAfterSeconds": int(answer.headers["retry-after"]),
    }
    assert answer.json["extensions"]["cost"]["remaining"] == 0
    assert "data" not in answer.json
    assert front.till.heard == []


async def test_every_answer_tells_its_cost(a_front: Make) -> None:
    """What was asked, what the tightest budget has left, and when it is whole again."""
    front = a_front(tenant=1000, client=100, address=500)
    token = a_token(a_tenant())
    good = await front.ask("{ orders(first: 20) { nodes { id } totalCount } }", token=token)
    refused = await front.ask("{ nope }", token=token)
    malformed = await front.ask("", token=token)
    costs = [at.json["extensions"]["cost"] for at in (good, refused, malformed)]

    assert [at["requested"] for at in costs] == [22, REFUSED_COST, REFUSED_COST]
    assert [at["limit"] for at in costs] == [100, 100, 100]
    assert [at["remaining"] for at in costs] == [78, 68, 58]
    assert all(at["resetAt"].endswith("Z") for at in costs)


async def test_without_budgets_the_cost_is_told_too(a_front: Make) -> None:
    """Where nothing is counted there is no end to tell, and Redis is not asked."""
    front = Front(redis_windows("redis://127.0.0.1:1/0"), Rates())
    answer = await front.ask(token=a_token(a_tenant()))

    assert answer.json["extensions"] == {
        "cost": {"requested": 1, "limit": None, "remaining": None, "resetAt": None}
    }


async def test_a_neighbour_is_not_affected(a_front: Make) -> None:
    """While one tenant's burst is refused, another's requests all pass and lose no points."""
    front = a_front(tenant=20, client=20, address=1000)
    noisy, paying = a_token(a_tenant()), a_token(a_tenant())
    burst, calm = await asyncio.gather(
        front.statuses(200, token=noisy, address="192.0.2.1"),
        front.statuses(20, token=paying, address="192.0.2.2"),
    )

    assert burst.count(200) == 20
    assert burst.count(429) == 180
    assert calm == [200] * 20


async def test_a_noisy_client_leaves_its_tenant_the_rest(a_front: Make) -> None:
    """What a client is refused is not taken from its tenant or its address."""
    front = a_front(tenant=30, client=10, address=30)
    tenant = a_tenant()
    noisy, other = (a_token(tenant, subject=name) for name in ("noisy", "other"))
    assert (await front.statuses(100, token=noisy)).count(200) == 10
    assert await front.statuses(11, token=other) == [200] * 10 + [429]


async def test_many_addresses_share_their_tenants_budget(a_front: Make) -> None:
    """A thousand addresses of one tenant have no more than the tenant."""
    front = a_front(tenant=50, address=10)
    token = a_token(a_tenant())
    answers = [
        await front.ask(token=token, address=f"198.51.{at // 256}.{at % 256}") for at in range(200)
    ]

    assert [at.status for at in answers].count(200) == 50


async def test_many_tenants_share_their_addresss_budget(a_front: Make) -> None:
    """One address has no more than its own, with however many tenants' tokens; nor has a network
    of IPv6 addresses, which one caller has to itself."""
    front = a_front(tenant=50, address=10)
    tokens = [a_token(a_tenant()) for _ in range(30)]
    plain = [await front.ask(token=at, address="192.0.2.7") for at in tokens]
    network = [
        await front.ask(token=token, address=f"2001:db8::{at:x}:1")
        for at, token in enumerate(tokens)
    ]
    next_door = await front.ask(token=tokens[0], address="2001:db8:0:1::1")

    assert [at.status for at in plain].count(200) == 10
    assert [at.status for at in network].count(200) == 10
    assert next_door.status == 200


async def test_the_tokens_of_an_order_share_a_budget(a_front: Make) -> None:
    """More checkout tokens for one order are no more budget; another order has its own."""
    front = a_front(checkout=4)
    tenant, first, second = a_tenant(), new_id(Prefix.ORDER), new_id(Prefix.ORDER)
    tokens = [a_checkout_token(tenant, first, f"t{at}") for at in range(6)]
    statuses = [(await front.ask("{ __typename }", token=at)).status for at in tokens]
    other = await front.ask("{ __typename }", token=a_checkout_token(tenant, second, "t"))

    assert statuses == [200] * 4 + [429] * 2
    assert other.status == 200


async def test_what_the_platform_does_is_not_the_tenants_to_pay(a_front: Make) -> None:
    """Acting within a tenant spends the platform's own client's budget alone."""
    front = a_front(tenant=5, client=100)
    staff = a_token(None, role=Role.PLATFORM_ADMIN)
    acting = [("Tollgate-Tenant", TENANT), ("Tollgate-Reason", "support")]
    for _ in range(20):
        assert (await front.ask(token=staff, headers=acting)).status == 200

    assert await front.statuses(6, token=a_token(TENANT)) == [200] * 5 + [429]


@pytest.mark.parametrize("token", ["", "a.b.c"])
async def test_failed_log_ins_are_counted_by_address(a_front: Make, token: str) -> None:
    """After so many the answer is a 429; from elsewhere a 401, and a good token passes still."""
    front = a_front(failures=5)
    statuses = await front.statuses(7, token=token, address="192.0.2.1")
    elsewhere = await front.ask(token=token, address="192.0.2.2")
    good = await front.ask(token=a_token(a_tenant()), address="192.0.2.1")

    assert statuses == [401] * 5 + [429] * 2
    assert elsewhere.status == 401
    assert good.status == 200


@pytest.mark.parametrize("query", ["{", "{ nope }", "{" + "a: viewer { id } " * 40 + "}", ""])
async def test_refused_documents_are_counted(a_front: Make, query: str) -> None:
    """They cost more than they would have, and after so many they are a 429."""
    front = a_front(failures=3, client=1000)
    token = a_token(a_tenant())
    answers = [await front.ask(query, token=token) for _ in range(4)]
    good = await front.ask(token=token)

    assert [at.status for at in answers][-1] == 429
    assert 429 not in [at.status for at in answers][:-1]
    assert good.json["extensions"]["cost"]["remaining"] == 1000 - 3 * REFUSED_COST - 1


async def test_a_request_is_one_command(a_front: Make, redis_url: str) -> None:
    """Three budgets of a request are charged in one round trip, an outage's end included."""
    front = a_front(tenant=1000, client=1000, address=1000)
    token = a_token(a_tenant())
    await front.ask(token=token)
    async with Redis.from_url(redis_url) as redis:
        await redis.config_resetstat()
        await front.statuses(10, token=token)
        commands = await redis.info("commandstats")
        keys = b"".join(await redis.keys("*"))

    calls = {name: stats["calls"] for name, stats in commands.items()}
    assert calls.pop("cmdstat_evalsha") == 10
    assert set(calls) <= {f"cmdstat_{at}" for at in ("get", "incrby", "expire", "config|resetstat")}
    assert b"server" not in keys
    assert b"192.0.2" not in keys


class Monotonic:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_redis_that_hangs_slows_one_request(caplog: pytest.LogCaptureFixture) -> None:
    """The first waits its time-out, the others do not; all are answered, and it is said once."""
    with a_black_hole() as hole, caplog.at_level(logging.WARNING):
        front = Front(redis_windows(hole.url), Rates(client=1000))
        token = a_token(a_tenant())
        started = time.monotonic()
        statuses = await front.statuses(20, token=token)
        seconds = time.monotonic() - started
        await front.budgets.close()
        assert hole.connections() <= 1 + seconds // PAUSE_SECONDS

    assert statuses == [200] * 20
    assert len([at for at in caplog.records if "each process" in at.getMessage()]) == 1


async def test_a_redis_that_is_away_loses_no_charge() -> None:
    """A payment goes through without Redis, while the process counts by itself."""
    cost = check_document(parse(CHARGE)).cost
    front = Front(redis_windows("redis://127.0.0.1:1/0"), Rates(client=3 * cost))
    token = a_token(a_tenant())
    order = new_id(Prefix.ORDER)
    answers = [await front.ask(CHARGE, token=token, order=order) for _ in range(4)]

    assert [at.status for at in answers] == [200, 200, 200, 429]
    assert answers[0].json["extensions"]["cost"]["remaining"] == 2 * cost
    assert len(front.till.heard) == 3


async def test_redis_is_taken_up_again(redis_url: str) -> None:
    """After the pause one request tries, and from then on all count in Redis."""
    clock = Monotonic()
    shared = redis_windows("redis://127.0.0.1:1/0")
    budgets = Budgets(Rates(failures=3), shared, LocalWindows(), clock)
    charge = budgets.failure("a")
    assert all([(await budgets.take(charge)).fits for _ in range(3)])
    assert not (await budgets.take(charge)).fits

    await budgets.close()
    budgets._shared = redis_windows(redis_url)
    assert not (await budgets.take(charge)).fits
    clock.now += PAUSE_SECONDS
    assert [(await budgets.take(charge)).fits for _ in range(4)] == [True] * 3 + [False]
    await budgets.close()


async def test_one_request_at_a_time_tries_a_redis_that_is_away() -> None:
    """When the pause is over, those beside the one that tries go on at once."""
    clock = Monotonic()
    with a_black_hole() as hole:
        budgets = Budgets(Rates(failures=100), redis_windows(hole.url), LocalWindows(), clock)
        await budgets.take(budgets.failure("a"))
        assert hole.connections() == 1
        clock.now += PAUSE_SECONDS
        started = time.monotonic()
        first = asyncio.create_task(budgets.take(budgets.failure("a")))
        await asyncio.sleep(0)
        for _ in range(5):
            assert (await budgets.take(budgets.failure("a"))).fits
        await first
        waited = time.monotonic() - started
        await budgets.close()

        assert waited >= SECONDS_MAX
        assert hole.connections() == 1
