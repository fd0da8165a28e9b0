"""A merchant's server: speaks GraphQL over HTTP, with a token of its own tenant."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from graphql import GraphQLNonNull, GraphQLUnionType, build_schema

from app.settings import Settings
from app.tokens import mint_token
from domain.caller import Role
from schema.schema import SDL_PATH
from tests.canaries import refuse_in_answer

TABLES = ("orders", "payments", "refunds", "gateway_operations", "idempotency_keys")
"""Where a mutation may write, with the audit: there only a caller's own entries count, since the
worker adds those of late webhooks in its own time."""

MUTATIONS = build_schema(SDL_PATH.read_text(encoding="utf-8")).mutation_type
PAYMENT = """
    id status refundStatus availableActions
    totalAmount { amountCents } capturedAmount { amountCents } refundedAmount { amountCents }
    order { id status remainingAmount { amountCents } }
"""
MEMBERS = {
    "ValidationError": "issues { path rule }",
    "NotFoundError": "id",
    "InvalidStateError": "attempted",
    "GatewayError": "retryAfterSeconds",
    "IdempotencyError": "idempotencyKey",
    "PaymentSuccess": f"replayed payment {{ {PAYMENT} }}",
    "PaymentDeclinedError": f"declineCode payment {{ {PAYMENT} }}",
    "RefundSuccess": f"replayed refund {{ id status }} payment {{ {PAYMENT} }}",
    "PaymentGateway": "id mode isEnabled accountId",
    "OrderSuccess": "replayed order { id status remainingAmount { amountCents } }",
}

CHECKOUT = """mutation ($order: ID!, $ttl: Int! = 1800) {
    createCheckoutToken(orderId: $order, ttlSeconds: $ttl) {
        __typename
        ... on Error { code detailCode }
        ... on ValidationError { issues { path rule } }
        ... on InvalidStateError { attempted }
        ... on CheckoutToken { token expiresAt order { id } }
    }
}"""

Json = dict[str, Any]
Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        """The body as a JSON object."""
        answer = json.loads(self.body)
        assert isinstance(answer, dict)
        return answer

    @property
    def codes(self) -> list[str]:
        """The codes of the errors."""
        return [error["extensions"]["code"] for error in self.json["errors"]]


def mutation(name: str) -> str:
    """A document of the mutation that reads every member of its union."""
    assert MUTATIONS is not None
    kind = MUTATIONS.fields[name].type
    assert isinstance(kind, GraphQLNonNull)
    assert isinstance(kind.of_type, GraphQLUnionType)
    members = [f"... on {at.name} {{ {MEMBERS[at.name]} }}" for at in kind.of_type.types]
    input_type = f"{name[0].upper()}{name[1:]}Input!"
    return f"""mutation ($input: {input_type}) {{
        {name}(input: $input) {{
            __typename ... on Error {{ code detailCode message retryable }} {" ".join(members)}
        }}
    }}"""


@dataclass
class Merchant:
    """One tenant's server, its database and the sandbox's ledger, for a test to look into."""

    settings: Settings
    tenant_id: str
    token: str
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def post(self, body: bytes, headers: Sequence[Header] = ()) -> Answer:
        """The answer to exactly these bytes."""
        return send(self.settings.public_url, "POST", "/graphql", body, headers)

    def ask(
        self,
        document: str,
        *,
        token: str | None = None,
        headers: Sequence[Header] = (),
        **variables: Any,
    ) -> Answer:
        """The answer to a document, with these headers beside the token."""
        body = json.dumps({"query": document, "variables": variables}).encode()
        bearer = ("Authorization", f"Bearer {token or self.token}")
        return self.post(body, [("Content-Type", "application/json"), bearer, *headers])

    def query(self, document: str, *, token: str | None = None, **variables: Any) -> Json:
        """The data of a query that succeeds."""
        answer = self.ask(document, token=token, **variables).json
        assert "errors" not in answer, answer
        data = answer["data"]
        assert isinstance(data, dict)
        return data

    def do(self, name: str, *, token: str | None = None, **given: Any) -> Json:
        """What a mutation came to: the member of its union. A fresh key unless one is given."""
        sent = {"idempotencyKey": self.key()} | given
        answer = self.ask(mutation(name), token=token, input=sent).json
        assert "errors" not in answer, answer
        member = answer["data"][name]
        assert isinstance(member, dict)
        return member

    def key(self) -> str:
        """A key that was not used before."""
        return f"{self.tenant_id}-{next(self.numbers)}"

    def order(self, total: int = 10_000) -> str:
        """The id of a new order."""
        given: Json = {"reference": self.key(), "totalAmountCents": total, "currency": "USD"}
        done = self.do("createOrder", **given)
        assert done["__typename"] == "OrderSuccess", done
        return str(done["order"]["id"])

    def pay(self, name: str, order_id: str, card: str = "pm_card_visa", **given: Any) -> Json:
        """What authorizePayment or chargePayment came to."""
        method = {"type": "CARD", "token": card}
        return self.do(name, orderId=order_id, paymentMethod=method, **given)

    def paid(self, name: str, total: int = 10_000) -> str:
        """The id of a payment of a new order that succeeded."""
        done = self.pay(name, self.order(total))
        assert done["__typename"] == "PaymentSuccess", done
        return str(done["payment"]["id"])

    def checkout_token(self, order_id: str, ttl_seconds: int = 1800) -> str:
        """A shopper's token, bound to the order."""
        made = self.query(CHECKOUT, order=order_id, ttl=ttl_seconds)["createCheckoutToken"]
        return str(made["token"])

    def rows(self) -> dict[str, int]:
        """How many rows the tenant has in each table that a mutation may write."""
        return asyncio.run(self._rows())

    def calls(self) -> int:
        """How many calls that move money reached the sandbox. Cancels are left out: the worker
        closes the intents of declined payments in its own time."""
        answer = send(self.settings.stripe_api_base, "GET", "/_sandbox/ledger")
        calls = answer.json["calls"].values()
        return sum(int(call["count"]) for call in calls if not call["path"].endswith("/cancel"))

    async def _rows(self) -> dict[str, int]:
        connection = await asyncpg.connect(self.settings.database_url.get_secret_value())
        try:
            counts = {
                table: await connection.fetchval(
                    f"select count(*) from {table} where tenant_id = $1",  # noqa: S608 - of TABLES
                    self.tenant_id,
                )
                for table in TABLES
            }
            audited = "select count(*) from audit_log where tenant_id = $1 and actor_type = 'USER'"
            return counts | {"audit_log": await connection.fetchval(audited, self.tenant_id)}
        finally:
            await connection.close()


SANDBOX_PATHS = ("/_sandbox/", "/v1/")
"""Paths of the sandbox's own: it gives a client secret to whoever has the key, as Stripe does."""


def send(
    base_url: str,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Sequence[Header] = (),
) -> Answer:
    """The answer to one request on a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=30)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        heard = answer.read()
        if not path.startswith(SANDBOX_PATHS):
            refuse_in_answer(f"the answer of {path}", heard)
        return Answer(answer.status, names, heard)
    finally:
        connection.close()


def eventually(look: Callable[[], object], *, seconds: float = 10.0) -> None:
    """Waits until `look` gives something true."""
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)


def a_token(settings: Settings, tenant_id: str | None, *roles: Role) -> str:
    """A token for the tenant with these roles."""
    return mint_token(settings, tenant=tenant_id, roles=list(roles), subject="server")
