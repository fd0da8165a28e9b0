"""A hundred keys, each used by a hundred clients at once: scripts/prove storms.

    scripts/prove storms [--keys 100] [--clients 100]

Every client charges with the key of its crowd and asks again until there is an answer: all hear of
one payment, and the sandbox's ledger has one charge a key. Then the same once more with a gateway
that forgets the keys it is given.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from app.settings import load_settings
from tests.e2e.graphql.conftest import new_merchant
from tests.e2e.graphql.merchant import Merchant, mutation
from tests.proofs.faulty import FaultyStack
from tests.proofs.judging import Failed, check, console
from tests.proofs.showing import shown

_DOCUMENT = mutation("chargePayment")
_TRIES_MAX = 60


async def client(http: aiohttp.ClientSession, given: Mapping[str, Any]) -> str:
    """The payment that one client hears of. Raises Failed."""
    body = json.dumps({"query": _DOCUMENT, "variables": {"input": given}}).encode()
    for _ in range(_TRIES_MAX):
        async with http.post("/graphql", data=body) as answered:
            answer = await answered.json()
        member = (answer.get("data") or {}).get("chargePayment") or {}
        if member.get("__typename") == "PaymentSuccess":
            return str(member["payment"]["id"])
        await asyncio.sleep(0.2)
    raise Failed(f"no answer in {_TRIES_MAX} tries: {answer}")


async def crowd(http: aiohttp.ClientSession, merchant: Merchant, clients: int) -> set[str]:
    """What all clients of one key heard of."""
    order_id = await asyncio.to_thread(merchant.order)
    given = {
        "orderId": order_id,
        "paymentMethod": {"type": "CARD", "token": "pm_card_visa"},
        "idempotencyKey": merchant.key(),
    }
    return set(await asyncio.gather(*(client(http, given) for _ in range(clients))))


async def storm(site: FaultyStack, merchant: Merchant, keys: int, clients: int) -> None:
    """All crowds, one after another. Raises Failed."""
    headers = {
        "Authorization": f"Bearer {merchant.token}",
        "Content-Type": "application/json",
    }
    connector = aiohttp.TCPConnector(limit=clients)
    heard: list[set[str]] = []
    async with aiohttp.ClientSession(
        site.stack.api_url, headers=headers, connector=connector
    ) as http:
        for number in range(keys):
            heard.append(await crowd(http, merchant, clients))
            if number % 20 == 19:
                console.print(f"  {number + 1} keys")
    payments = set().union(*heard)
    is_one = all(len(each) == 1 for each in heard)
    check(f"{keys} keys, {clients} clients each: {len(payments)} payments heard of", holds=is_one)
    charges = await asyncio.to_thread(site.sandbox, "GET", "ledger")
    counted = Counter(each["metadata"]["tollgate_payment_id"] for each in charges["charges"])
    effects = sum(counted[payment_id] for payment_id in payments)
    check(f"{effects} charges of them at the gateway", holds=effects == keys == len(payments))


def prove(site: FaultyStack, keys: int, clients: int) -> None:
    """Raises Failed."""
    merchant = new_merchant(load_settings(site.stack.environment))
    console.print("a gateway that keeps its keys")
    asyncio.run(storm(site, merchant, keys, clients))
    console.print("a gateway that forgets them")
    site.sandbox("POST", "faults", {"kind": "ignore_keys", "times": None})
    asyncio.run(storm(site, merchant, keys, clients))
    site.settle()
    check("nothing is open, no alert, both ledgers agree to the cent", holds=True)


def main() -> int:
    """0 when everything was shown, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="scripts/prove storms", description=__doc__)
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--clients", type=int, default=100)
    given = parser.parse_args()

    def over(folder: Path) -> None:
        with FaultyStack(folder) as site:
            prove(site, given.keys, given.clients)

    return shown(over)


if __name__ == "__main__":
    sys.exit(main())
