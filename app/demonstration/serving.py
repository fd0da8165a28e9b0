"""What one needs to go on by oneself: URLs, tokens, and four lines of curl."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from app.seed import SeedResult
from app.settings import Settings
from app.tokens import TTL_SECONDS, mint_token
from domain.caller import Role

ROLES = (Role.OPERATOR, Role.FINANCE, Role.ADMIN, Role.DEVELOPER, Role.VIEWER)
"""Each with a token for each tenant."""

_CREATE = (
    "mutation($input: CreateOrderInput!) { createOrder(input: $input) {"
    " ... on OrderSuccess { replayed order { id status remainingAmount { formatted } } }"
    " ... on Error { code detailCode message } } }"
)
_CHARGE = (
    "mutation($input: ChargePaymentInput!) { chargePayment(input: $input) {"
    " ... on PaymentSuccess { replayed payment { id status netAmount { formatted } } }"
    " ... on Error { code detailCode message } } }"
)
_READ = (
    "query($id: ID!) { payment(id: $id) { status totalAmount { formatted }"
    " platformFee { formatted } gatewayFee { formatted } gatewayFeeIsFinal"
    " netAmount { formatted } timeline { nodes { message source } } } }"
)
_REFUND = (
    "mutation($input: RefundPaymentInput!) { refundPayment(input: $input) {"
    " ... on RefundSuccess { refund { status amount { formatted } }"
    " payment { refundStatus netAmount { formatted } } }"
    " ... on Error { code detailCode message } } }"
)
_ORDER = "@order@"
_PAYMENT = "@payment@"


@dataclass(frozen=True, slots=True)
class Example:
    """A line of shell and what it does."""

    title: str
    command: str


def addresses(api_url: str, sandbox_url: str) -> Iterator[str]:
    """A line for each URL."""
    yield f"GraphQL         {api_url}/graphql (POST)"
    yield f"GraphiQL        {api_url}/graphql in a browser; a token goes into its Headers tab:"
    yield '                {"Authorization": "Bearer TOKEN"}'
    yield f"sandbox         {sandbox_url} (API under /v1, control routes under /_sandbox)"
    yield f"webhook health  {api_url}/api/webhooks/health"


def tokens(settings: Settings, seeded: SeedResult) -> Iterator[str]:
    """A line for each token."""
    yield f"tokens, good for {TTL_SECONDS // 3600} hours:"
    for tier, tenant in by_tier(seeded):
        for role in ROLES:
            token = mint_token(settings, tenant=tenant, roles=[role])
            yield f"  {tier:12}  {role.value:9}  {token}"


def by_tier(seeded: SeedResult) -> tuple[tuple[str, str], ...]:
    """The name of each tier with the id of its tenant."""
    return (
        ("Starter", seeded.starter.id),
        ("Professional", seeded.professional.id),
        ("Enterprise", seeded.enterprise.id),
    )


def examples(api_url: str, token: str) -> tuple[Example, ...]:
    """Four lines for one shell, in this order: each keeps the id that the next one needs."""
    run = secrets.token_hex(4)

    def ask(query: str, variables: dict[str, object]) -> str:
        return _curl(f"{api_url}/graphql", token, query, variables)

    order = {
        "reference": f"curl-{run}",
        "totalAmountCents": 10_000,
        "currency": "USD",
        "idempotencyKey": f"curl-{run}-order",
    }
    charge = {
        "orderId": _ORDER,
        "paymentMethod": {"type": "CARD", "token": "pm_card_visa"},
        "idempotencyKey": f"curl-{run}-charge",
    }
    refund = {
        "paymentId": _PAYMENT,
        "amountCents": 2_500,
        "idempotencyKey": f"curl-{run}-refund",
    }
    return (
        Example("create an order", _keep("order", "ord", ask(_CREATE, {"input": order}))),
        Example("charge it", _keep("payment", "pay", ask(_CHARGE, {"input": charge}))),
        Example("read the payment", ask(_READ, {"id": _PAYMENT})),
        Example("refund a part of it", ask(_REFUND, {"input": refund})),
    )


def _curl(url: str, token: str, query: str, variables: dict[str, object]) -> str:
    body = json.dumps({"query": query, "variables": variables})
    # The ids come from variables of the shell, outside the single quotes.
    for mark, variable in ((_ORDER, "order"), (_PAYMENT, "payment")):
        body = body.replace(mark, f"'\"${variable}\"'")
    headers = f"-H 'Authorization: Bearer {token}' -H 'Content-Type: application/json'"
    return f"curl -sS -w '\\n' {url} {headers} -d '{body}'"


def _keep(variable: str, prefix: str, command: str) -> str:
    """The command, its answer shown, and the first id of this kind in it kept."""
    return (
        f"{variable}=$({command} | tee -a /dev/stderr | grep -o '{prefix}_[0-9a-z]*' | head -n 1)"
    )
