"""The event list: order, filters, what an event holds."""

import stripe

from tests.e2e.sandbox.api import Api, refused
from tests.e2e.sandbox.control import Control, eventually
from tests.e2e.sandbox.receiver import Receiver
from tests.e2e.sandbox.steps import authorized, captured_at_once, event_types, payment


async def test_events_are_listed_and_retrievable(api: Api) -> None:
    """Every listed event can be read by its id and is the same."""
    await api.payment_intents.create(captured_at_once())

    events = (await api.events.list()).data

    assert len({event.id for event in events}) == len(events) >= 3
    for event in events:
        again = await api.events.retrieve(event.id)
        assert again.to_dict() == event.to_dict()


async def test_events_are_in_the_order_they_happened(api: Api) -> None:
    """Newest first, also within one second: capture comes after authorization."""
    intent = await api.payment_intents.create(authorized())
    await api.payment_intents.capture(intent.id)
    await api.refunds.create({"payment_intent": intent.id})

    types = await event_types(api)

    order = [
        types.index(name)
        for name in (
            "payment_intent.created",
            "payment_intent.amount_capturable_updated",
            "payment_intent.succeeded",
            "refund.created",
        )
    ]
    assert order == sorted(order)
    assert types.index("charge.succeeded") < types.index("charge.captured")


async def test_event_holds_a_snapshot(api: Api) -> None:
    """An event shows its object as it was then, unexpanded, with version and request."""
    intent = await api.payment_intents.create(
        captured_at_once(expand=["latest_charge"]), {"idempotency_key": "the-request"}
    )

    events = (await api.events.list({"type": "payment_intent.created"})).data
    succeeded = (await api.events.list({"type": "payment_intent.succeeded"})).data

    [event] = events
    assert event.data.object.id == intent.id
    assert event.data.object.status != "succeeded"
    assert event.api_version == stripe.api_version
    assert event.request.idempotency_key == "the-request"
    assert event.request.id.startswith("req_")
    assert event.livemode is False
    assert succeeded[0].data.object.latest_charge == intent.latest_charge.id


async def test_filters_by_type(api: Api) -> None:
    """Events are filtered by one type, by a group, or by several types."""
    await api.payment_intents.create(captured_at_once())

    group = (await api.events.list({"type": "charge.*"})).data
    several = (
        await api.events.list({"types": ["payment_intent.created", "charge.succeeded"]})
    ).data

    assert group
    assert all(event.type.startswith("charge.") for event in group)
    assert {event.type for event in several} == {"payment_intent.created", "charge.succeeded"}


async def test_events_are_paged(api: Api) -> None:
    """Events page like every list, in both directions."""
    for _ in range(3):
        await api.payment_intents.create(captured_at_once())
    ids = [event.id for event in (await api.events.list({"limit": 100})).data]

    down = await api.every(await api.events.list({"limit": 2}))
    up = await api.every(await api.events.list({"limit": 2, "ending_before": ids[-1]}))

    assert [event.id for event in down] == ids
    assert [event.id for event in up] == ids[:-1][::-1]


async def test_events_between_two_moments(api: Api, control: Control) -> None:
    """created takes in the moment of gte and leaves out that of lt, page by page."""
    made = []
    for _ in range(3):
        await api.payment_intents.create(payment())
        made.append((await api.events.list({"limit": 1})).data[0])
        await control.advance(100)
    begin, end = made[1].created, made[2].created

    async def found(**bounds: int) -> list[str]:
        page = await api.events.list({"created": bounds, "limit": 1})
        return [event.id for event in await api.every(page)]

    assert await found(gte=begin, lt=end) == [made[1].id]
    assert await found(gte=begin, lt=end + 1) == [made[2].id, made[1].id]
    assert await found(gte=begin + 1, lt=end) == []


async def test_events_of_one_account_alone(api: Api) -> None:
    """A platform's list has no event of a connected account, whose own list names it."""
    account = await api.accounts.create({"type": "standard"})
    named = {"stripe_account": account.id}
    await api.payment_intents.create(payment(), named)
    own = (await api.events.list({"limit": 100})).data
    theirs = (await api.events.list({"limit": 100}, named)).data

    assert {event.type for event in theirs} >= {"payment_intent.created"}
    assert {event.account for event in theirs} == {account.id}
    assert {event.id for event in own}.isdisjoint({event.id for event in theirs})


async def test_events_are_kept_for_thirty_days(api: Api, control: Control) -> None:
    """After that an event is neither listed nor read, and what it was about still is."""
    intent = await api.payment_intents.create(payment())
    [event] = (await api.events.list()).data
    await control.advance(29 * 24 * 3600)
    assert [found.id for found in (await api.events.list()).data] == [event.id]
    await control.advance(24 * 3600)
    assert (await api.events.list()).data == []
    refusal = await refused(api.events.retrieve(event.id))

    assert refusal.facts[:3] == (404, "invalid_request_error", "resource_missing")
    assert (await api.payment_intents.retrieve(intent.id)).id == intent.id


async def test_unknown_event(api: Api) -> None:
    """An event that does not exist is resource_missing."""
    refusal = await refused(api.events.retrieve("evt_nothing"))

    assert refusal.facts[:3] == (404, "invalid_request_error", "resource_missing")


async def test_undelivered_events_are_listed(
    api: Api, control: Control, receiver: Receiver
) -> None:
    """delivery_success=false finds the events that no endpoint took."""
    await api.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["payment_intent.created"]}
    )
    await control.order_fault("webhook_lose")
    lost = await api.payment_intents.create(payment())
    taken = await api.payment_intents.create(payment())
    await receiver.received(1)

    async def listed(*, success: bool) -> list[str]:
        parameters = {"delivery_success": success, "type": "payment_intent.created"}
        return [event.data.object.id for event in (await api.events.list(parameters)).data]

    assert await eventually(lambda: listed(success=False), bool) == [lost.id]
    assert await eventually(lambda: listed(success=True), bool) == [taken.id]
