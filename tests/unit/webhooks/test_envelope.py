"""Bodies read into envelopes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.envelope import Envelope, UnreadableBody, read_envelope

EVENT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "payment_intent.succeeded",
    "livemode": False,
    "api_version": "2026-10-28.endive",
    "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
}


def body(**changes: object) -> bytes:
    """The event with these fields changed, as JSON."""
    return json.dumps(EVENT | changes).encode()


def test_an_event_is_read() -> None:
    """The envelope names the event, and the payload is the event itself."""
    envelope = read_envelope(body(account="acct_1"))

    assert envelope == Envelope(
        event_id="evt_1",
        event_type="payment_intent.succeeded",
        livemode=False,
        api_version="2026-10-28.endive",
        account="acct_1",
        payload=EVENT | {"account": "acct_1"},
    )


def test_client_secrets_and_payment_methods_are_left_out() -> None:
    """They leave the payload at any depth, in objects and lists, whatever they hold."""
    data = {
        "object": {
            "client_secret": "pi_1_secret_2",
            "payment_method": "pm_1",
            "charges": [{"payment": {"client_secret": {"nested": 1}, "id": "pi_2"}}],
            "last_payment_error": {"payment_method": {"id": "pm_1"}},
            "payment_method_details": {"card": {"last4": "4242"}},
            "note": "client_secret",
        }
    }
    envelope = read_envelope(body(data=data, client_secret=None))

    assert envelope.payload["data"] == {
        "object": {
            "charges": [{"payment": {"id": "pi_2"}}],
            "last_payment_error": {},
            "payment_method_details": {"card": {"last4": "4242"}},
            "note": "client_secret",
        }
    }
    assert "client_secret" not in envelope.payload


def test_a_card_number_is_left_out() -> None:
    """A merchant's text with a card number in it is kept without; ids and amounts stay."""
    number = "4242 4242 4242 4242"
    charge = {"id": "ch_4242424242424242", "amount": 4242424242424242, "description": number}
    envelope = read_envelope(body(data={"object": charge, "list": [f"paid by {number}"]}))

    assert envelope.payload["data"] == {
        "object": charge | {"description": "[digits removed]"},
        "list": ["paid by [digits removed]"],
    }


@pytest.mark.parametrize(
    "unreadable",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b'"evt_1"',
        b"\xff\xfe{}",
        b"\xef\xbb\xbf" + body(),
        b'{"id": NaN}',
        b'{"id": -Infinity}',
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"id": ' + b"9" * 5_000 + b"}",
        body(id=None),
        body(id=7),
        body(id=""),
        body(id="evt 1"),
        body(id="evt_\x00"),
        body(id="e" * 256),
        body(type=None),
        body(type=["x"]),
        body(livemode=None),
        body(livemode="false"),
        body(account=7),
        body(api_version={}),
    ],
    ids=lambda _: "body",
)
def test_what_is_no_event_is_refused(unreadable: bytes) -> None:
    """What is not UTF-8, not JSON, not an object, too deep, or unnamed is refused in one way."""
    with pytest.raises(UnreadableBody):
        read_envelope(unreadable)


@pytest.mark.parametrize("depth", [100, 253, 254, 255, 400])
def test_a_deep_event_is_read(depth: int) -> None:
    """As deep as the standard library reads and writes it, and one that is plain as any other."""
    envelope = read_envelope(body(data=json.loads("[" * depth + "]" * depth)))

    assert envelope.document is not None
    assert json.loads(envelope.document) == envelope.payload


def test_what_is_deeper_than_can_be_written_is_refused() -> None:
    """At every depth around the limits a body is read whole or refused."""
    for depth in range(900, 1100, 7):
        deep = body(data="here").replace(b'"here"', b"[" * depth + b"]" * depth)
        try:
            envelope = read_envelope(deep)
        except UnreadableBody:
            continue
        assert envelope.document is not None


def test_paired_surrogates_are_text() -> None:
    """A character that JSON escapes as a pair of surrogates is kept."""
    envelope = read_envelope(body(data="here").replace(b'"here"', rb'"\ud83d\ude00"'))

    assert envelope.payload["data"] == "😀"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    """Whatever was signed, reading it ends in an envelope or in the one refusal."""
    try:
        envelope = read_envelope(noise)
    except UnreadableBody:
        return
    assert envelope.event_id
