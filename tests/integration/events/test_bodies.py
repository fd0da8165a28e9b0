"""Bodies at the edges of what JSON, Python and PostgreSQL take, signed, with full-size payloads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.inbox import WebhookEventStatus
from domain.payment import PaymentStatus
from tests.events.catalog import Shape, body, event
from tests.events.facts import Facts, Json
from tests.integration.events import scenes
from tests.integration.events.mailbox import Mailbox
from tests.integration.webhooks.shop import try_event
from webhooks.body import BODY_BYTES_MAX
from webhooks.envelope import read_envelope

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROCESSED, DEAD = WebhookEventStatus.PROCESSED, WebhookEventStatus.DEAD
SUCCEEDED = "payment_intent.succeeded"


def with_object(made: Json, **changes: object) -> Json:
    """The event with these fields of its object changed."""
    data = made["data"]
    assert isinstance(data, dict)
    return made | {"data": {**data, "object": {**data["object"], **changes}}}


async def status_of(mailbox: Mailbox, event_id: str) -> list[tuple[Any, ...]]:
    """The status of the event's row, if there is one."""
    return await mailbox.shop.rows(
        "select status from webhook_events where event_id = :id", id=event_id
    )


@pytest.mark.parametrize("shape", Shape)
async def test_a_payload_of_250_kilobytes(mailbox: Mailbox, shape: Shape) -> None:
    """An event as large as the route takes, in one text and in many, is handled as any other."""
    payment = await scenes.lost(mailbox.shop)
    made = event(SUCCEEDED, await mailbox.facts(payment), shape)
    lines = [{"sku": f"K-{number}", "name": "Überseekoffer"} for number in range(500)]
    full = with_object(made, order_lines=lines, note="")
    large = with_object(full, note="ß" * ((BODY_BYTES_MAX - len(body(full))) // 2))
    done = await mailbox.deliver(large)

    assert BODY_BYTES_MAX - 1 <= len(body(large)) <= BODY_BYTES_MAX
    assert done.status is PROCESSED
    assert (await mailbox.shop.now_of(payment)).status is PaymentStatus.PAID


@pytest.mark.parametrize(
    "text",
    [
        "😀 👩‍👩‍👧‍👦 Ω≈ç√ 田中さん",
        "‮gnp.exe",
        "\u2028\u2029\ufeff\u200b",
        "\x01\x1f\x7f\x85",
        "é" * 5_000,
    ],
    ids=["beyond", "turned", "unseen", "controls", "long"],
)
async def test_any_text_is_kept(mailbox: Mailbox, text: str) -> None:
    """Text of any script, and controls that JSONB holds, come back as they were sent, escaped or
    not."""
    made = with_object(event(SUCCEEDED, Facts()), description=text)
    for sent, escaped in ((made | {"id": f"{made['id']}a"}, True), (made, False)):
        sent_body = json.dumps(sent, ensure_ascii=escaped).encode()
        assert await mailbox.endpoint.post(sent_body) == 200
        kept = (await mailbox.stored(sent)).payload["data"]
        assert isinstance(kept, dict)
        assert kept["object"]["description"] == text


@pytest.mark.parametrize("text", ["\0", "\ud800", "\udfff\ud800"], ids=["nul", "half", "turned"])
async def test_text_that_jsonb_cannot_hold(mailbox: Mailbox, text: str) -> None:
    """A payment's event with such a text in it is 200, DEAD, and moves nothing."""
    payment = await scenes.lost(mailbox.shop)
    made = with_object(event(SUCCEEDED, await mailbox.facts(payment)), description=text)
    for field in ("description", "metadata"):
        made = with_object(made, **{field: {text: text} if field == "metadata" else text})
    assert await mailbox.endpoint.post(json.dumps(made).encode()) == 200
    stored = await mailbox.stored(made)
    await try_event(mailbox.shop.events, stored.id)

    assert (await mailbox.shop.event(stored.id)).status is DEAD
    assert (await mailbox.shop.now_of(payment)).status is PaymentStatus.PENDING


@pytest.mark.parametrize("depth", [10, 300, *range(700, 1_000, 25), 5_000, 60_000])
async def test_any_depth_is_answered(mailbox: Mailbox, depth: int) -> None:
    """However deep a signed body is, it is stored or refused, never an error; what was stored is
    worked off."""
    made = event(SUCCEEDED, Facts())
    sent = json.dumps(with_object(made, description="HERE")).encode()
    sent = sent.replace(b'"HERE"', b"[" * depth + b"1" + b"]" * depth)
    answered = await mailbox.endpoint.post(sent)
    found = await status_of(mailbox, str(made["id"]))

    assert answered in (200, 400)
    assert bool(found) is (answered == 200)
    if found and found != [("DEAD",)]:
        stored = await mailbox.stored(made)
        await try_event(mailbox.shop.events, stored.id)
        assert (await mailbox.shop.event(stored.id)).status in (
            WebhookEventStatus.IGNORED,
            WebhookEventStatus.RETRY,
        )


@pytest.mark.parametrize(
    "number",
    ["-1e400", "1e-400", "9" * 4_000, "9" * 4_400, "0.1" + "0" * 5_000],
    ids=lambda number: number[:8],
)
@pytest.mark.parametrize("field", ["amount", "created", "canceled_at"])
async def test_any_number_is_answered(mailbox: Mailbox, field: str, number: str) -> None:
    """A number beyond every type moves nothing but what the gateway says; the route answers it."""
    payment = await scenes.lost(mailbox.shop)
    made = event(SUCCEEDED, await mailbox.facts(payment))
    sent = json.dumps(with_object(made, **{field: "HERE"})).replace('"HERE"', number).encode()
    answered = await mailbox.endpoint.post(sent)

    assert answered in (200, 400)
    if answered == 400:
        assert await status_of(mailbox, str(made["id"])) == []
        return
    stored = await mailbox.stored(made)
    await try_event(mailbox.shop.events, stored.id)
    done, after = await mailbox.shop.event(stored.id), await mailbox.shop.now_of(payment)

    assert (done.status, after.status, after.captured) in (
        (PROCESSED, PaymentStatus.PAID, 10_000),
        (DEAD, PaymentStatus.PENDING, 0),
    )


async def test_a_name_that_stands_twice(mailbox: Mailbox) -> None:
    """Of two members of one name the last counts, for the row and for the payload alike: what was
    decided by and what is kept cannot differ."""
    made = event(SUCCEEDED, Facts())
    first = b'{"id": "evt_first", "livemode": true, "type": "x", "data": {"object": {"id": "x"}},'
    assert await mailbox.endpoint.post(body(made).replace(b"{", first, 1)) == 200
    stored = await mailbox.stored(made)

    assert (stored.event_type, stored.livemode) == (SUCCEEDED, False)
    assert stored.payload == read_envelope(body(made)).payload
    assert await status_of(mailbox, "evt_first") == []


@pytest.mark.parametrize(
    "event_id",
    [
        "evt_';drop/**/table/**/orders;--",
        "evt_%s%n",
        "evt_../..",
        "evt_{}",
        '"',
        "\\",
        "e" * 255,
        "0",
    ],
)
async def test_any_id_is_a_name(mailbox: Mailbox, event_id: str) -> None:
    """An id of odd characters is an id: stored once, ignored, found again."""
    made = event(SUCCEEDED, Facts()) | {"id": event_id}
    first, second = await mailbox.deliver(made), await mailbox.deliver(made)

    assert first == second
    assert first.event_id == event_id


NO_NAMES: tuple[object, ...] = (
    *("", " ", "a b", "é", "\0", "\ud800", "e" * 256),
    *(7, [], {}, True, 1.5),
)


@pytest.mark.parametrize("field", ["id", "type", "api_version", "account"])
async def test_what_is_no_name_is_refused(mailbox: Mailbox, field: str) -> None:
    """Id, type, version and account are printable ASCII of 255 characters at most: 400, and no
    row."""
    made = event(SUCCEEDED, Facts())
    before = await mailbox.shop.rows("select count(*) from webhook_events")
    answered = {
        await mailbox.endpoint.post(json.dumps(made | {field: value}).encode())
        for value in NO_NAMES
    }

    assert answered == {400}
    assert await mailbox.shop.rows("select count(*) from webhook_events") == before
