"""Events delivered as Stripe delivers them, and everything that one of them may move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from domain.dispute import Dispute
from domain.inbox import WebhookEvent
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund
from tests.events.catalog import body
from tests.events.facts import Facts
from tests.integration.webhooks.served import SECRET, Endpoint
from tests.integration.webhooks.shop import Shop, try_event

METADATA = ("tollgate_payment_id", "tollgate_refund_id")


@dataclass(frozen=True)
class Moved:
    """All that may change: the payment with its order, refunds and disputes, its timeline, and how
    long audit and alerts are."""

    payment: Payment
    order: Order
    refunds: tuple[Refund, ...]
    disputes: tuple[Dispute, ...]
    timeline: tuple[str, ...]
    audit_entries: int
    alerts: tuple[str, ...]


@dataclass
class Mailbox:
    """A shop with its route."""

    shop: Shop
    endpoint: Endpoint

    async def deliver(self, event: Mapping[str, object], *, secret: str = SECRET) -> WebhookEvent:
        """The event as it stands after it was delivered, answered 200, and worked off once."""
        assert await self.endpoint.post(body(event), secret=secret) == 200
        stored = await self.stored(event)
        await try_event(self.shop.events, stored.id)
        return await self.shop.event(stored.id)

    async def stored(self, event: Mapping[str, object]) -> WebhookEvent:
        """The one row of this event."""
        ((row_id,),) = await self.shop.rows(
            "select id from webhook_events where event_id = :id", id=event["id"]
        )
        return await self.shop.event(row_id)

    async def moved(self, payment: Payment) -> Moved:
        """All that may have changed of this payment."""
        shop, tenant_id = self.shop, payment.tenant_id
        async with shop.database.begin(tenant_id) as work:
            order = await work.orders.find(tenant_id, payment.order_id)
            refunds = await work.refunds.of_payment(tenant_id, payment.id)
            disputes = await work.disputes.of_payment(tenant_id, payment.id)
        assert order is not None
        return Moved(
            payment=await shop.now_of(payment),
            order=order,
            refunds=tuple(refunds),
            disputes=tuple(disputes),
            timeline=tuple(await shop.timeline(payment)),
            audit_entries=len(await shop.rows("select 1 from audit_log")),
            alerts=tuple(sorted(rule for rule, *_ in await shop.alerts())),
        )

    async def audited(self, event: Mapping[str, object]) -> tuple[str, ...]:
        """What the audit says that this event did, in its order."""
        found = await self.shop.rows(
            "select action from audit_log where actor_type = 'GATEWAY' and actor_id = :id"
            " order by id",
            id=event["id"],
        )
        return tuple(action for (action,) in found)

    async def facts(self, payment: Payment) -> Facts:
        """What the gateway has made for this payment so far, by its own events."""
        objects = [event["data"]["object"] for event in await self.shop.gateway_events()]
        intent = next(
            found
            for found in objects
            if found["metadata"].get("tollgate_payment_id") == payment.id
            and found["object"] == "payment_intent"
        )
        latest = {
            found["object"]: found
            for found in objects
            if found.get("payment_intent") == intent["id"]
        }
        facts = Facts(
            intent=str(intent["id"]),
            amount=payment.total,
            captured=payment.total,
            manual=intent["capture_method"] == "manual",
            tollgate={name: at for name, at in intent["metadata"].items() if "tollgate" in name},
        )
        return replace(facts, **_about(latest))


def _about(latest: Mapping[str, Any]) -> dict[str, Any]:
    """What the latest charge, refund and dispute of a payment add to its facts."""
    found: dict[str, Any] = {name: str(one["id"]) for name, one in latest.items()}
    if "charge" in latest:
        found["refunded"] = latest["charge"]["amount_refunded"]
    if "dispute" in latest:
        found["dispute_amount"] = latest["dispute"]["amount"]
    if "refund" in latest:
        written = latest["refund"]["metadata"]
        found["refund_amount"] = latest["refund"]["amount"]
        found["refund_metadata"] = {name: written[name] for name in METADATA if name in written}
    return found
