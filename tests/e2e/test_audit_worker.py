"""The worker beside everything else: it seals the audit and runs the daily jobs."""

from __future__ import annotations

from typing import Any

from domain.verifying import Verifier
from tests.e2e.sandbox.control import eventually
from tests.e2e.test_webhooks_worker import worker
from tests.integration.domain.calls import refund
from tests.integration.webhooks.shop import NO_REDIS, USER, Shop, opened


async def unsealed(shop: Shop) -> list[tuple[Any, ...]]:
    """Entries without a seal."""
    return await shop.rows(
        "select id from audit_log l where not exists"
        " (select from audit_seals s where (s.tenant_id, s.entry_id) = (l.tenant_id, l.id))"
    )


async def test_two_workers_seal_one_chain_and_run_the_daily_jobs_once(
    database_url: str, sandbox_url: str
) -> None:
    """Entries of a charge and a refund are sealed by whichever worker comes first, in one whole
    chain; what is old is emptied, and the run noted, by the same processes."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        payment = await shop.charge()
        await shop.payments.refund(USER, shop.tenant.id, refund(payment, 1_000))
        (event, *_) = await shop.gateway_events("charge.succeeded")
        stored = await shop.process(event)
        await shop.write("delete from webhook_attempts where webhook_event_id = :id", id=stored.id)
        await shop.write(
            "update webhook_events set id = 'we_00000000000000000000000000',"
            " created_at = now() - interval '91 days', processed_at = created_at"
            " - interval '91 days' where id = :id",
            id=stored.id,
        )
        assert await unsealed(shop) != []
        async with (
            worker(shop, database_url, NO_REDIS),
            worker(shop, database_url, NO_REDIS),
        ):
            await eventually(lambda: unsealed(shop), lambda found: found == [], seconds=20)
            await eventually(
                lambda: shop.rows("select name from daily_runs order by name"),
                lambda found: found == [("payloads",), ("revocations",)],
                seconds=20,
            )
        verdict = await Verifier(shop.worker_database, shop.clock).check(
            shop.tenant.id, checked=lambda _: None
        )
        sequences = await shop.rows("select sequence from audit_seals order by sequence")

        assert verdict.faults == ()
        assert sequences == [(number,) for number in range(1, len(sequences) + 1)]
        assert await shop.rows("select payload from webhook_events") == [({},)]
