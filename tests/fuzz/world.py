"""The API with shops that have orders and payments in it, for requests to be made against."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp

from app.settings import Settings
from app.tokens import mint_token
from db.engine import make_engine
from db.seeding import add_tenant
from domain.caller import Role
from schema.schema import schema
from tests.e2e.graphql.merchant import CHECKOUT, mutation
from tests.fuzz.attempts import Attempt, World
from tests.fuzz.judging import reply_to

ORDERS = 40
PAID = ("chargePayment", "authorizePayment", "chargePayment", "authorizePayment")


async def world(app: ASGIApp, settings: Settings, *, shops: int = 1) -> World:
    """Shops with orders, some of them paid, and a token of each role in each of them."""
    tenants = await _tenants(settings, shops)
    tokens = {"": "", "nonsense": "a.b.c"}
    ids: list[str] = []
    for number, tenant in enumerate(tenants):
        for role in set(Role) - {Role.CHECKOUT, Role.PLATFORM_ADMIN}:
            tokens[f"{role} {number}"] = mint_token(settings, tenant=tenant, roles=[role])
        shop = _Shop(app, tokens[f"{Role.ADMIN} {number}"])
        ids += [tenant, *await shop.stocked()]
        tokens[f"{Role.CHECKOUT} {number}"] = await shop.checkout_token(ids[-1])
    tokens[Role.PLATFORM_ADMIN] = mint_token(settings, tenant=None, roles=[Role.PLATFORM_ADMIN])
    known = {
        "id": ids,
        "orderId": [at for at in ids if at.startswith("ord_")],
        "paymentId": [at for at in ids if at.startswith("pay_")],
        "totalAmountCents": [],
        "token": ["pm_card_visa", "pm_card_visa", "pm_card_chargeDeclined"],
        "returnUrl": ["https://shop.example/back"],
        "customerEmail": ["jane@shop.example"],
        "ttlSeconds": [],
    }
    return World(schema._schema, known, tokens)


class _Shop:
    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token
        self._keys = 0

    async def stocked(self) -> list[str]:
        """The ids of payments and orders that are made here."""
        orders = [await self._order() for _ in range(ORDERS)]
        payments = [await self._pay(name, order) for name, order in zip(PAID, orders, strict=False)]
        return [*payments, *orders]

    async def checkout_token(self, order_id: str) -> str:
        """A token bound to the order."""
        made = await self._ask(CHECKOUT, {"order": order_id, "ttl": 86_400})
        return str(made["createCheckoutToken"]["token"])

    async def _order(self) -> str:
        given = {"reference": self._key(), "totalAmountCents": 10_000, "currency": "USD"}
        return str((await self._do("createOrder", given))["order"]["id"])

    async def _pay(self, name: str, order_id: str) -> str:
        method = {"type": "CARD", "token": "pm_card_visa"}
        done = await self._do(name, {"orderId": order_id, "paymentMethod": method})
        return str(done["payment"]["id"])

    def _key(self) -> str:
        self._keys += 1
        return f"stock-{self._token[-6:]}-{self._keys}"

    async def _do(self, name: str, given: Mapping[str, object]) -> Any:
        sent = {"input": {"idempotencyKey": self._key(), **given}}
        return (await self._ask(mutation(name), sent))[name]

    async def _ask(self, document: str, variables: Mapping[str, object]) -> Any:
        headers = [
            (b"content-type", b"application/json"),
            (b"authorization", b"Bearer " + self._token.encode()),
        ]
        body = json.dumps({"query": document, "variables": variables}).encode()
        reply = await reply_to(self._app, Attempt("stock", body, headers=headers), "127.0.0.1")
        return json.loads(reply.body)["data"]


async def _tenants(settings: Settings, count: int) -> list[str]:
    engine = make_engine(settings.database_url.get_secret_value(), pool_size=1)
    try:
        return [
            (
                await add_tenant(
                    engine,
                    name=f"Fuzz {number}",
                    slug=f"fuzz-{number}",
                    tier_level=1,
                    default_currency="USD",
                )
            )[0].id
            for number in range(count)
        ]
    finally:
        await engine.dispose()
        await asyncio.sleep(0)
