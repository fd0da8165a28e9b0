"""Who pays for what, so that nobody spends what is another's."""

from __future__ import annotations

from domain.ids import Prefix, new_id
from schema.limits import REFUSED_COST
from tests.integration.app.budgeted import Make, a_checkout_token, a_tenant, a_token


async def test_a_long_body_costs_more(a_front: Make) -> None:
    """It is read, parsed and searched whatever it asks for: the dearest request to answer was one
    of a single point."""
    front = a_front(client=100)
    token = a_token(a_tenant())
    long = await front.ask("#" + "1111." * 12_000 + "\n{ viewer { id } }", token=token)
    refused = await front.ask("#" + "1111." * 12_000 + "\n{ nope }", token=token)
    costs = [at.json["extensions"]["cost"] for at in (long, refused)]

    assert [at["requested"] for at in costs] == [1 + 14, REFUSED_COST + 14]
    assert [at["remaining"] for at in costs] == [85, 61]


async def test_shoppers_leave_their_merchant_half(a_front: Make) -> None:
    """Whoever fills many carts, from many addresses, keeps the merchant's own programs from
    nothing."""
    front = a_front(tenant=20, checkout=5, client=100)
    tenant = a_tenant()
    orders = [new_id(Prefix.ORDER) for _ in range(8)]
    tokens = [
        a_checkout_token(tenant, order, f"t{at}")
        for at, order in enumerate(orders)
        for _ in "12345"
    ]
    shoppers = [(await front.ask("{ __typename }", token=at)).status for at in tokens]

    assert shoppers.count(200) == 10
    assert await front.statuses(11, token=a_token(tenant)) == [200] * 10 + [429]


async def test_failed_log_ins_hide_no_refusal_from_others(a_front: Make) -> None:
    """Whoever sends bad tokens from an address keeps nobody else there from learning what is wrong
    with a document, or that an id is unknown and the document itself is to be sent."""
    front = a_front(failures=3)
    assert await front.statuses(4, token="a.b.c", address="192.0.2.1") == [401] * 3 + [429]
    one, other = (a_token(a_tenant()) for _ in "12")
    refused = [await front.ask("", token=one, address="192.0.2.1") for _ in range(4)]

    assert [at.status for at in refused] == [400] * 3 + [429]
    assert (await front.ask("", token=other, address="192.0.2.1")).status == 400
