"""Two tenants with every kind of object, and an API that serves both."""

from __future__ import annotations

import itertools
import json
import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Text, text
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from app.asgi import create_app
from app.database import cipher_of
from app.settings import Settings, load_settings
from app.stack_secrets import stack_secrets
from app.tokens import mint_token
from db.engine import make_engine
from db.seeding import add_tenant
from db.work import SqlDatabase
from domain.caller import Role
from domain.card_numbers import without_card_numbers
from domain.inbox import WebhookEventStatus
from domain.payment import PaymentStatus
from tests.integration.db.builders import a_full_event, a_payment, an_order
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import record_event
from tests.integration.db.world import TENANT_TABLES, stored_world, tenant_column
from tests.integration.tenants.asking import Question, questions
from tests.unit.app.asgi import JSON_HEADERS, Answer, Header, answered

WEBHOOK_SECRET = "whsec_platform"
CONNECT_SECRET = "whsec_connect"
REQUEST_ID = "tenants"
"""One for all requests, so that answers are compared with it and not without it."""

_TAIL = re.compile(r"^([a-z]+_)([0-9a-hjkmnp-tv-z]{26})$")
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME = 10
TWINS_MAX = 1_000
"""Characters of an id that tell when it was made."""


@dataclass
class Tenant:
    """A tenant, what it holds, and the mutations that made it."""

    merchant: Merchant
    headers: Mapping[Role, Sequence[Header]]
    done: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    spent: dict[str, str] = field(default_factory=dict)
    """Objects on which nothing can be done any more, by the prefix of their ids."""
    full: dict[str, str] = field(default_factory=dict)
    """Objects that have others below them, by their types."""
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def id(self) -> str:
        """The tenant's id."""
        return self.merchant.id


@dataclass(frozen=True, slots=True)
class Api:
    """The API, and the owner's view of its database."""

    app: Starlette
    settings: Settings
    engine: AsyncEngine
    database: SqlDatabase
    asked: dict[str, Question]

    async def ask(
        self, headers: Sequence[Header], document: str, variables: Mapping[str, object]
    ) -> Answer:
        """The answer to one document."""
        body = json.dumps({"query": document, "variables": variables}).encode()
        return await answered(self.app, body, headers=headers)

    async def do(self, tenant: Tenant, name: str, **given: Any) -> dict[str, Any]:
        """What a mutation by the tenant's administrator came to."""
        sent = {"idempotencyKey": f"{tenant.merchant.tenant.slug}-{next(tenant.numbers)}", **given}
        document = self.asked[name].document(Role.ADMIN)
        answer = await self.ask(tenant.headers[Role.ADMIN], document, {"input": sent})
        assert "errors" not in answer.json, answer.json
        tenant.done.append((name, sent))
        member: dict[str, Any] = answer.json["data"][name]
        return member


@asynccontextmanager
async def opened(
    folder: Path, database_url: str, redis_url: str, stripe_api_base: str
) -> AsyncIterator[Api]:
    """The real application on these servers."""
    settings = load_settings(
        stack_secrets(folder)
        | {
            "TOLLGATE_ENV": "development",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "STRIPE_API_BASE": stripe_api_base,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "STRIPE_CONNECT_WEBHOOK_SECRET": CONNECT_SECRET,
        }
    )
    engine = make_engine(database_url, pool_size=2)
    database = SqlDatabase(engine, cipher_of(settings))
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield Api(app, settings, engine, database, {each.name: each for each in questions()})
    await engine.dispose()


async def furnished(api: Api, slug: str, currency: str = "USD") -> Tenant:
    """A new tenant with orders, payments and refunds in every state, and a row in every table."""
    merchant = Merchant(
        *await add_tenant(
            api.engine, name=slug.title(), slug=slug, tier_level=1, default_currency=currency
        )
    )
    tenant = Tenant(merchant, _headers(api.settings, merchant.id))
    await stored_world(api.database, api.engine, merchant)
    await _every_status(api, merchant)
    await _by_mutations(api, tenant)
    token = await api.ask(
        tenant.headers[Role.ADMIN],
        api.asked["createCheckoutToken"].document(Role.ADMIN),
        {"orderId": await _order(api, tenant)},
    )
    assert "errors" not in token.json, token.json
    bearer = token.json["data"]["createCheckoutToken"]["token"]
    return replace(tenant, headers={**tenant.headers, Role.CHECKOUT: _bearing(bearer)})


async def _every_status(api: Api, merchant: Merchant) -> None:
    """An order with a payment in each status, as they may lie in the database."""
    for status in PaymentStatus:
        order = an_order(merchant)
        payment = a_payment(merchant, order)
        voided = status in (PaymentStatus.FAILED, PaymentStatus.CANCELED, PaymentStatus.EXPIRED)
        paid = payment.total if status is PaymentStatus.PAID else 0
        held = payment.total if status is PaymentStatus.AUTHORIZED else paid
        if status is PaymentStatus.AUTHORIZED:
            continue  # one of `_by_mutations`: a charge is never in it
        async with api.database.begin(merchant.id) as work:
            await work.orders.add(order)
            await work.payments.add(
                replace(
                    payment,
                    status=status,
                    authorized=held,
                    captured=paid,
                    gateway_payment_id=f"pi_{letters(24)}",
                    intent_closed_at=payment.created_at if voided else None,
                )
            )
            await work.commit()


async def _by_mutations(api: Api, tenant: Tenant) -> None:
    """What a merchant does in a day, each with a key that may be tried again."""
    canceled = await _order(api, tenant)
    assert (await api.do(tenant, "cancelOrder", orderId=canceled))["__typename"] == "OrderSuccess"
    await _pay(api, tenant, "chargePayment", "pm_card_chargeDeclined")
    await _pay(api, tenant, "chargePayment", "pm_card_threeDSecureRequired")
    paid = await _pay(api, tenant, "chargePayment", "pm_card_discover")
    refund = await api.do(tenant, "refundPayment", paymentId=paid["id"], amountCents=400)
    assert refund["__typename"] == "RefundSuccess", refund
    held = await _pay(api, tenant, "authorizePayment")
    await api.do(tenant, "capturePayment", paymentId=held["id"], amountCents=600)
    await _pay(api, tenant, "authorizePayment")
    released = await _pay(api, tenant, "authorizePayment")
    await api.do(tenant, "cancelPayment", paymentId=released["id"])
    emptied = await _emptied_event(api, tenant, released["id"])
    tenant.spent |= {"ord": canceled, "pay": released["id"], "we": emptied}
    tenant.full |= {"Order": paid["of"], "Payment": paid["id"]}


async def _emptied_event(api: Api, tenant: Tenant, payment_id: str) -> str:
    """A dead event of the payment that no replay can raise: it is counted, and nothing more."""
    event = replace(
        a_full_event(tenant.merchant),
        event_id=f"evt_{letters(24)}",
        status=WebhookEventStatus.DEAD,
        payload={},
        payment_id=payment_id,
    )
    async with api.database.begin_across_tenants() as work:
        await record_event(work, event)
        await work.commit()
    return event.id


async def _order(api: Api, tenant: Tenant) -> str:
    made = await api.do(
        tenant,
        "createOrder",
        reference=letters(16),
        totalAmountCents=1_000,
        currency="USD",
        customerEmail=f"{secrets.token_hex(4)}@{tenant.merchant.tenant.slug}.example",
    )
    return str(made["order"]["id"])


async def _pay(api: Api, tenant: Tenant, name: str, card: str = "pm_card_visa") -> dict[str, Any]:
    method = {"type": "CARD", "token": card}
    order_id = await _order(api, tenant)
    done = await api.do(tenant, name, orderId=order_id, paymentMethod=method)
    payment: dict[str, Any] = done["payment"]
    return payment | {"of": order_id}


def _headers(settings: Settings, tenant_id: str) -> dict[Role, Sequence[Header]]:
    acting = (("Tollgate-Tenant", tenant_id), ("Tollgate-Reason", "a look"))
    made: dict[Role, Sequence[Header]] = {}
    for role in Role:
        if role is Role.CHECKOUT:
            continue
        is_platform = role is Role.PLATFORM_ADMIN
        token = mint_token(settings, tenant=None if is_platform else tenant_id, roles=[role])
        made[role] = (*_bearing(token), *(acting if is_platform else ()))
    return made


def _bearing(token: str) -> Sequence[Header]:
    return (*JSON_HEADERS, ("Authorization", f"Bearer {token}"), ("X-Request-Id", REQUEST_ID))


async def texts_of(engine: AsyncEngine, tenant_id: str, other_id: str) -> dict[str, str]:
    """Every text that stands in the tenant's rows and in none of the other's, with the first
    column where it was found: ids, references, names, keys, whatever a new table brings."""
    found: dict[str, str] = {}
    async with engine.connect() as connection:
        for table in TENANT_TABLES:
            of_tenant = tenant_column(table)
            assert of_tenant is not None
            for column in table.c:
                if not isinstance(column.type, Text):
                    continue
                values = f"SELECT {column.name} FROM {table.name} WHERE {of_tenant.name} ="  # noqa: S608 - of the metadata
                statement = f"{values} :mine EXCEPT {values} :other"
                asked = {"mine": tenant_id, "other": other_id}
                for (value,) in await connection.execute(text(statement), asked):
                    if value and 4 <= len(value) <= 255 and without_card_numbers(value) == value:
                        found.setdefault(value, f"{table.name}.{column.name}")
    return found


def letters(count: int) -> str:
    """A made-up text without digits: a long run of them would be taken for a card number."""
    return "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(count))


def twin(value: str) -> str:
    """A text of the same shape that names nothing. An id keeps its prefix and the time at which it
    was made, so that it stands at the same place in every list."""
    for _ in range(TWINS_MAX):
        made = _twin(value)
        if made != value and without_card_numbers(made) == made:
            return made
    raise AssertionError(f"{value} keeps the digits of a card number in every twin")


def _twin(value: str) -> str:
    if match := _TAIL.match(value):
        tail = "".join(secrets.choice(_DIGITS) for _ in range(26 - _TIME))
        return f"{match[1]}{match[2][:_TIME]}{tail}"
    head, mark, tail = value.partition("_")
    kept = f"{head}{mark}" if mark and len(head) <= 4 else ""
    return kept + "".join(map(_other, value[len(kept) :]))


def _other(character: str) -> str:
    if character.isdigit():
        return secrets.choice("0123456789")
    if character in "abcdef":
        return secrets.choice("abcdef")
    if character.isascii() and character.isalpha():
        drawn = secrets.choice("ghijklmnopqrstuvwxyz")
        return drawn if character.islower() else drawn.upper()
    return character
