"""Lists: order, paging in both directions, filters, expansion."""

import pytest

from tests.e2e.sandbox.api import Api, refused
from tests.e2e.sandbox.control import Control
from tests.e2e.sandbox.steps import captured_at_once, payment


async def _intents(api: Api, count: int) -> list[str]:
    """Ids of new intents, newest first."""
    made = [(await api.payment_intents.create(payment())).id for _ in range(count)]
    return made[::-1]


async def test_newest_first_with_a_limit(api: Api) -> None:
    """A list is newest first, at most `limit` long, and says whether there is more."""
    ids = await _intents(api, 4)

    page = await api.payment_intents.list({"limit": 3})
    full = await api.payment_intents.list({"limit": 4})
    whole = await api.payment_intents.list()

    assert ([found.id for found in page.data], page.has_more) == (ids[:3], True)
    assert ([found.id for found in full.data], full.has_more) == (ids, False)
    assert ([found.id for found in whole.data], whole.has_more) == (ids, False)
    assert page.url == "/v1/payment_intents"


async def test_ten_is_the_default_limit(api: Api) -> None:
    """Without a limit a page holds ten."""
    await _intents(api, 11)

    page = await api.payment_intents.list()

    assert (len(page.data), page.has_more) == (10, True)


async def test_starting_after(api: Api) -> None:
    """starting_after brings the next page down the list."""
    ids = await _intents(api, 5)

    page = await api.payment_intents.list({"limit": 2, "starting_after": ids[1]})
    rest = await api.payment_intents.list({"limit": 2, "starting_after": ids[3]})

    assert ([found.id for found in page.data], page.has_more) == (ids[2:4], True)
    assert ([found.id for found in rest.data], rest.has_more) == (ids[4:], False)


async def test_ending_before(api: Api) -> None:
    """ending_before brings the page just above, still newest first."""
    ids = await _intents(api, 5)

    page = await api.payment_intents.list({"limit": 2, "ending_before": ids[3]})
    top = await api.payment_intents.list({"limit": 2, "ending_before": ids[1]})

    assert ([found.id for found in page.data], page.has_more) == (ids[1:3], True)
    assert ([found.id for found in top.data], top.has_more) == (ids[:1], False)


async def test_automatic_paging_both_ways(api: Api) -> None:
    """The library's iterator walks all pages forwards, and backwards from ending_before."""
    ids = await _intents(api, 7)

    down = await api.every(await api.payment_intents.list({"limit": 2}))
    up = await api.every(await api.payment_intents.list({"limit": 2, "ending_before": ids[-1]}))

    assert [found.id for found in down] == ids
    assert [found.id for found in up] == ids[:-1][::-1]


async def test_created_filters(api: Api, control: Control) -> None:
    """created filters by bound: gt and lt exclude it, gte and lte include it."""
    first = await api.payment_intents.create(payment())
    await control.advance(100)
    second = await api.payment_intents.create(payment())
    await control.advance(100)
    third = await api.payment_intents.create(payment())

    async def found(**bounds: int) -> list[str]:
        page = await api.payment_intents.list({"created": bounds})
        return [intent.id for intent in page.data]

    assert await found(gt=second.created) == [third.id]
    assert await found(gte=second.created) == [third.id, second.id]
    assert await found(lt=second.created) == [first.id]
    assert await found(lte=second.created) == [second.id, first.id]
    assert await found(gte=second.created, lt=third.created) == [second.id]
    exact = await api.payment_intents.list({"created": second.created})
    assert [intent.id for intent in exact.data] == [second.id]


@pytest.mark.parametrize("limit", [0, 101, -1])
async def test_limit_has_bounds(api: Api, limit: int) -> None:
    """A limit is from 1 to 100."""
    refusal = await refused(api.payment_intents.list({"limit": limit}))

    assert refusal.facts == (400, "invalid_request_error", "parameter_invalid_integer", "limit")


async def test_unknown_cursor(api: Api) -> None:
    """A cursor must name an object that exists."""
    refusal = await refused(api.payment_intents.list({"starting_after": "pi_nothing"}))

    assert refusal.facts == (400, "invalid_request_error", "resource_missing", "starting_after")


async def test_one_cursor_at_a_time(api: Api) -> None:
    """starting_after and ending_before exclude each other."""
    ids = await _intents(api, 2)

    refusal = await refused(
        api.payment_intents.list({"starting_after": ids[0], "ending_before": ids[1]})
    )

    assert refusal.facts[:2] == (400, "invalid_request_error")


async def test_expansion_in_lists(api: Api) -> None:
    """expand reaches into the data of a list, several levels deep."""
    intent = await api.payment_intents.create(captured_at_once())

    page = await api.payment_intents.list(
        {"expand": ["data.latest_charge.balance_transaction", "data.payment_method"]}
    )

    [found] = page.data
    assert found.latest_charge.id == intent.latest_charge
    assert found.latest_charge.balance_transaction.net == 1912
    assert found.payment_method.card.last4 == "4242"


async def test_expansion_has_four_levels(api: Api) -> None:
    """Stripe expands at most four levels."""
    path = "data.latest_charge.payment_intent.latest_charge.payment_intent"

    refusal = await refused(api.payment_intents.list({"expand": [path]}))

    assert refusal.facts[:2] == (400, "invalid_request_error")


async def test_customers_filter_their_payments(api: Api) -> None:
    """Intents and charges are listed by customer."""
    customer = await api.customers.create({"email": "jenny@example.com"})
    theirs = await api.payment_intents.create(captured_at_once(customer=customer.id))
    await api.payment_intents.create(captured_at_once())

    intents = (await api.payment_intents.list({"customer": customer.id})).data
    charges = (await api.charges.list({"customer": customer.id})).data

    assert [intent.id for intent in intents] == [theirs.id]
    assert [charge.id for charge in charges] == [theirs.latest_charge]


@pytest.mark.parametrize("field", ["nothing", "amount", "latest_charge.nothing"])
async def test_unexpandable_field(api: Api, field: str) -> None:
    """What cannot be expanded is refused."""
    intent = await api.payment_intents.create(captured_at_once())

    refusal = await refused(api.payment_intents.retrieve(intent.id, {"expand": [field]}))

    assert refusal.facts[:2] == (400, "invalid_request_error")
    assert "cannot be expanded" in refusal.body["message"]


async def test_lists_of_a_payment(api: Api) -> None:
    """Charges, refunds and balance transactions are listed by what they belong to."""
    intent = await api.payment_intents.create(captured_at_once())
    other = await api.payment_intents.create(captured_at_once())
    refund = await api.refunds.create({"payment_intent": intent.id})

    charges = await api.charges.list({"payment_intent": intent.id})
    refunds = await api.refunds.list({"charge": intent.latest_charge})
    of_charge = await api.balance_transactions.list({"source": other.latest_charge})
    of_refunds = await api.balance_transactions.list({"type": "refund"})

    assert [charge.id for charge in charges.data] == [intent.latest_charge]
    assert [found.id for found in refunds.data] == [refund.id]
    assert [found.source for found in of_charge.data] == [other.latest_charge]
    assert [found.source for found in of_refunds.data] == [refund.id]
    found = await api.balance_transactions.retrieve(refund.balance_transaction)
    assert found.amount == -2000
