"""Every operation, by every role and by nobody: the exact list of who is let in.

The operations come from the introspection of the running API, the rules from the access table, so
that a new field is walked without a line here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
from graphql import GraphQLSchema, build_client_schema, get_introspection_query

from domain.caller import Role
from domain.ids import Prefix, new_id
from resolvers.access import PLATFORM_WIDE, ROLES, needs_tenant
from schema.roles import Answer, direct_answer
from tests.e2e.graphql.merchant import Header, Json, Merchant, a_token
from tests.e2e.graphql.staff import sql
from tests.e2e.graphql.walk import Path, Values, document, field_of, found, path_to, roots

VISA, DECLINED = "pm_card_visa", "pm_card_visa_chargeDeclinedInsufficientFunds"
OVERRIDE = """INSERT INTO platform_fee_overrides
    VALUES ($1, $2, 250, '{}', 'a test', 'platform', now() - interval '1 hour', NULL)"""
DEAD_EVENT = """INSERT INTO webhook_events (id, gateway_id, livemode, event_id, event_type,
    payload, status, attempts, tenant_id, payment_id, created_at)
    SELECT $1, g.id, false, 'evt_' || $1, 'customer.created', '{"id": "evt"}', 'DEAD', 8, $2, $3,
    now() FROM tenant_payment_gateways g WHERE g.tenant_id IS NULL AND NOT g.livemode"""
ALERT = """INSERT INTO alerts (id, tenant_id, rule, severity, subject_id, message, opened_at)
    VALUES ($1, $2, 'payment.late_money', 'CRITICAL', $3, 'a walk', now())"""
DEAD_EVENTS = "SELECT id FROM webhook_events WHERE tenant_id = $1 AND status = 'DEAD'"
ORDER_OF = "query ($id: ID!) { payment(id: $id) { order { id } } }"


@dataclass(frozen=True, slots=True)
class Walker:
    """One who asks. Without a tenant it is a PLATFORM_ADMIN who names none."""

    role: Role
    has_tenant: bool = True

    def expected(self, path: Path) -> Answer:
        """What the table says: the first step that does not answer decides."""
        if not self.has_tenant and needs_tenant(path[0]):
            return Answer.NO
        if not self.has_tenant and "Viewer.tenant" in path:
            return Answer.NULL
        answers = (direct_answer(self.role, step) for step in path)
        return next((answer for answer in answers if answer is not Answer.YES), Answer.YES)


WALKERS = [*(Walker(role) for role in Role), Walker(Role.PLATFORM_ADMIN, has_tenant=False)]
REPORTED = {"gte": "2026-01-01T00:00:00Z", "lt": "2026-12-31T00:00:00Z"}


@dataclass(frozen=True, slots=True)
class World:
    """A merchant whose objects are such that every operation would have something to do."""

    merchant: Merchant
    graph: GraphQLSchema
    values: Values
    for_shoppers: Values
    owners: Mapping[str, str]
    tier_id: str

    def paths(self) -> dict[str, Path]:
        """The way to every root field and to every field of fewer roles than its object."""
        return {
            name: path_to(self.graph, name) for name in dict.fromkeys([*roots(self.graph), *ROLES])
        }

    def observe(self, walker: Walker, path: Path) -> Answer | str:
        """What the API says to the walker, who may be a shopper at the order that it is about."""
        shopping = walker.role is Role.CHECKOUT
        values = self.for_shoppers if shopping else self.values
        given = values.arguments(path, field_of(self.graph, path[0]))
        if not walker.has_tenant and "id" in given:
            given = {**given, "id": self.tier_id}
        if not walker.has_tenant and "ids" in given:
            given = {"ids": [self.tier_id]}
        answer = self.ask(walker, document(self.graph, path), given)
        if "errors" in answer:
            codes = {error["extensions"]["code"] for error in answer["errors"]}
            return Answer.NO if codes == {"FORBIDDEN"} else str(answer["errors"])
        return Answer.NULL if found(path, answer["data"]) is None else Answer.YES

    def ask(self, walker: Walker, text: str, given: Json) -> Json:
        """The answer's body."""
        body = json.dumps({"query": text, "variables": given}).encode()
        headers = [("Content-Type", "application/json"), *self.headers(walker, given)]
        return self.merchant.post(body, headers).json

    def headers(self, walker: Walker, given: Json) -> list[Header]:
        """Who the walker is."""
        merchant, tenant_id = self.merchant, self.merchant.tenant_id
        if walker.role is Role.CHECKOUT:
            named = (owner for one, owner in self.owners.items() if one in json.dumps(given))
            token = merchant.checkout_token(next(named, next(iter(self.owners.values()))))
        elif walker.role is Role.PLATFORM_ADMIN:
            token = a_token(merchant.settings, None, Role.PLATFORM_ADMIN)
        else:
            token = a_token(merchant.settings, tenant_id, walker.role)
        bearer = ("Authorization", f"Bearer {token}")
        if walker.role is Role.PLATFORM_ADMIN and walker.has_tenant:
            return [bearer, ("Tollgate-Tenant", tenant_id), ("Tollgate-Reason", "a walk")]
        return [bearer]


def a_world(merchant: Merchant) -> World:
    """Orders and payments in each state that some operation needs."""
    asyncio.run(_execute(merchant, OVERRIDE, merchant.tenant_id, new_id(Prefix.FEE_OVERRIDE)))
    order, declined_order = merchant.order(), merchant.order()
    paid, held = merchant.paid("chargePayment"), merchant.paid("authorizePayment")
    waiting = merchant.pay("chargePayment", merchant.order(), "pm_card_threeDSecureRequired")
    asking = str(waiting["payment"]["id"])
    merchant_declined = _declined(merchant, declined_order)
    shopper_order = merchant.order()
    shopper_declined = _declined(
        merchant, shopper_order, token=merchant.checkout_token(shopper_order)
    )
    failed = str(shopper_declined.pop("payment_id"))
    merchant_declined.pop("payment_id")
    owners = {order: order, declined_order: declined_order, shopper_order: shopper_order}
    for payment_id in (paid, held, asking, failed):
        owners[payment_id] = merchant.query(ORDER_OF, id=payment_id)["payment"]["order"]["id"]
    tier_id = str(merchant.query("{ feeTiers { id } }")["feeTiers"][0]["id"])
    ids = {"orderId": order, "paymentId": held, "id": paid, "ids": paid}
    ids |= {"tenantId": merchant.tenant_id, "feeTierId": tier_id}
    event_id = new_id(Prefix.WEBHOOK_EVENT)
    asyncio.run(_execute(merchant, DEAD_EVENT, event_id, merchant.tenant_id, paid))
    alert_id = new_id(Prefix.ALERT)
    asyncio.run(_execute(merchant, ALERT, alert_id, merchant.tenant_id, paid))
    given: dict[str, Json] = {
        "order": {"by": {"id": order}},
        "webhookEvent": {"id": event_id},
        "replayWebhookEvent": {"id": event_id},
        "feeReport": {"range": REPORTED, "currency": "USD"},
        "paymentMetrics": {"range": REPORTED, "currency": "USD"},
        "webhookMetrics": {"range": REPORTED},
        "acknowledgeAlert": {"id": alert_id},
        "refundPayment": {"input": {"paymentId": paid, "idempotencyKey": "walk-refund"}},
        "PaymentNextAction": {"id": asking},
        "PaymentFailure": {"id": failed},
    }
    return World(
        merchant,
        _introspected(merchant),
        Values(ids, given | {"PaymentDeclinedError": {"input": merchant_declined}}),
        Values(ids, given | {"PaymentDeclinedError": {"input": shopper_declined}}),
        owners,
        tier_id,
    )


def _declined(merchant: Merchant, order_id: str, token: str | None = None) -> Json:
    """The input of an authorization that was declined: given again it is answered alike. With the
    id of its payment."""
    method = {"type": "CARD", "token": DECLINED}
    given: Json = {"orderId": order_id, "paymentMethod": method, "idempotencyKey": "walk-declined"}
    done = merchant.do("authorizePayment", token=token, **given)
    assert done["__typename"] == "PaymentDeclinedError", done
    return given | {"payment_id": done["payment"]["id"]}


def _introspected(merchant: Merchant) -> GraphQLSchema:
    answer = merchant.ask(get_introspection_query(descriptions=False)).json
    assert "errors" not in answer, answer
    return build_client_schema(answer["data"])


async def _execute(merchant: Merchant, statement: str, *values: str) -> None:
    connection = await asyncpg.connect(merchant.settings.database_url.get_secret_value())
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()


def test_every_operation_lets_in_its_roles_and_nobody_else(merchant: Merchant) -> None:
    """Each root field and each narrowed field, asked for by each role over HTTP, answers as the
    table says. What is refused writes nothing and calls no gateway: refusals are walked first, when
    each operation could still do its work."""
    world = a_world(merchant)
    paths = world.paths()
    assert set(paths) >= set(ROLES)
    expected = {
        (walker, name): walker.expected(path) for walker in WALKERS for name, path in paths.items()
    }
    refused = [at for at, answer in expected.items() if answer is not Answer.YES]
    before = _state(merchant)
    observed = {(walker, name): world.observe(walker, paths[name]) for walker, name in refused}
    assert _state(merchant) == before
    allowed = [at for at, answer in expected.items() if answer is Answer.YES]
    observed |= {(walker, name): world.observe(walker, paths[name]) for walker, name in allowed}

    wrong = {
        f"{name} by {walker.role}{'' if walker.has_tenant else ' without a tenant'}": (
            f"{observed[walker, name]}, not {answer}"
        )
        for (walker, name), answer in expected.items()
        if observed[walker, name] != answer
    }
    assert wrong == {}
    assert len(refused) > 60
    assert len(allowed) > 150


def _state(merchant: Merchant) -> tuple[Json, int, list[Json]]:
    """The rows, the calls, the events that wait for a replay. Tokens and acts of the walkers
    themselves are in the audit."""
    rows = merchant.rows()
    del rows["audit_log"]
    return rows, merchant.calls(), sql(merchant, DEAD_EVENTS, merchant.tenant_id)


def test_without_a_token_no_operation_answers(merchant: Merchant) -> None:
    """Every root field is a 401 without a token, and so is a document that is none."""
    graph = _introspected(merchant)
    names = ("orderId", "paymentId", "id", "ids", "tenantId", "feeTierId")
    values = Values(dict.fromkeys(names, "x"))
    before = merchant.rows(), merchant.calls()
    documents = [(document(graph, [name]), [name]) for name in roots(graph)]
    assert {path[0] for _, path in documents} >= PLATFORM_WIDE
    for text, path in documents:
        given = values.arguments(path, field_of(graph, path[0]))
        body = json.dumps({"query": text, "variables": given}).encode()
        answer = merchant.post(body, [("Content-Type", "application/json")])

        assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"]), path
    assert (merchant.rows(), merchant.calls()) == before
