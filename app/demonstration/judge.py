"""The sandbox as the judge: what it took and gave, which events it sent, and 3-D Secure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError

from app.demonstration.api import NotAsExpected

SETTLED = "succeeded"

_Read = TypeVar("_Read", bound=BaseModel)


class _Charge(BaseModel):
    id: str
    payment_intent: str | None
    amount_captured: int
    status: str
    captured: bool


class _Refund(BaseModel):
    charge: str
    amount: int
    status: str


class _Transaction(BaseModel):
    source: str
    fee: int


class _Ledger(BaseModel):
    charges: list[_Charge]
    refunds: list[_Refund]
    balance: dict[str, int]
    balance_transactions: list[_Transaction]


class _Event(BaseModel):
    id: str


class _Page(BaseModel):
    data: list[_Event]
    has_more: bool


class _Try(BaseModel):
    event: str
    url: str
    status: int | str


class _Tries(BaseModel):
    deliveries: list[_Try]


class _Account(BaseModel):
    id: str


class _Intent(BaseModel):
    status: str


class _Now(BaseModel):
    now: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What moved, in cents: taken from payers, given back, and kept by the gateway as its fee."""

    captured: int = 0
    refunded: int = 0
    gateway_fee: int = 0

    def __add__(self, other: Facts) -> Facts:
        return Facts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Facts)))

    def __sub__(self, other: Facts) -> Facts:
        return Facts(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(Facts)))


@dataclass(frozen=True, slots=True)
class Books:
    """The sandbox's ledger of one account: facts by payment intent, and the balance in cents."""

    by_intent: dict[str | None, Facts]
    balance: int

    @property
    def total(self) -> Facts:
        """All of it together."""
        return sum(self.by_intent.values(), Facts())


class Judge:
    """The sandbox's control routes, and its API with the platform's key."""

    def __init__(self, session: aiohttp.ClientSession, api_base: str, secret_key: str) -> None:
        self._session = session
        self._base = api_base
        self._headers = {"Authorization": f"Bearer {secret_key}"}

    async def now(self) -> int:
        """The sandbox's clock, in seconds since the Unix epoch."""
        return int((await self._control(_Now, "clock", {"advance": 0})).now)

    async def authenticate(self, intent_id: str) -> None:
        """Finish 3-D Secure as a payer who proves who it is."""
        path = f"payment_intents/{intent_id}/authenticate"
        await self._control(_Intent, path, {"outcome": "succeed"})

    async def intent_status(self, intent_id: str) -> str:
        """The status of a payment intent, by Stripe's word."""
        return (await self._ask(_Intent, f"/v1/payment_intents/{intent_id}")).status

    async def events(self, since: int) -> list[str]:
        """The ids of all events since this second."""
        ids: list[str] = []
        has_more = True
        while has_more:
            after = f"&starting_after={ids[-1]}" if ids else ""
            path = f"/v1/events?limit=100&created[gte]={since}{after}"
            page = await self._ask(_Page, path)
            ids += [event.id for event in page.data]
            has_more = page.has_more
        return ids

    async def delivered(self, url: str) -> set[str]:
        """The ids of the events that this endpoint has taken with a 2xx."""
        tries = (await self._ask(_Tries, "/_sandbox/deliveries")).deliveries
        taken = (t for t in tries if isinstance(t.status, int) and t.status // 100 == 2)
        return {each.event for each in taken if each.url == url}

    async def books(self) -> Books:
        """The ledger of the platform's account."""
        account = await self._ask(_Account, "/v1/account")
        return books_of(await self._text(f"/_sandbox/ledger?account={account.id}"))

    async def _control(self, model: type[_Read], path: str, body: dict[str, object]) -> _Read:
        async with self._session.post(f"{self._base}/_sandbox/{path}", json=body) as answer:
            return _read(model, path, await answer.text())

    async def _ask(self, model: type[_Read], path: str) -> _Read:
        return _read(model, path, await self._text(path))

    async def _text(self, path: str) -> str:
        async with self._session.get(self._base + path, headers=self._headers) as answer:
            return await answer.text()


def books_of(ledger: str) -> Books:
    """The facts in the JSON of GET /_sandbox/ledger."""
    read = _read(_Ledger, "ledger", ledger)
    by_intent: dict[str | None, Facts] = {}
    for charge in read.charges:
        if charge.captured and charge.status == SETTLED:
            refunds = (r for r in read.refunds if r.charge == charge.id and r.status == SETTLED)
            fees = (t.fee for t in read.balance_transactions if t.source == charge.id)
            facts = Facts(charge.amount_captured, sum(r.amount for r in refunds), sum(fees))
            before = by_intent.get(charge.payment_intent, Facts())
            by_intent[charge.payment_intent] = before + facts
    return Books(by_intent, read.balance.get("usd", 0))


def _read(model: type[_Read], what: str, text: str) -> _Read:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise NotAsExpected(f"the sandbox answered {what} with {text[:500]}") from error
