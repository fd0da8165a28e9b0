"""Driving the sandbox in one process, on a clock that is moved by hand."""

import hashlib
import hmac
import json

from sandbox.core import Sandbox
from sandbox.world import Delivery
from tests.unit.sandbox.client import CONFIRMED, Caller

DAY = 24 * 3600


def _listening(caller: Caller, *types: str) -> str:
    form = {"url": "http://127.0.0.1:9/hook"}
    form |= {f"enabled_events[{index}]": type_ for index, type_ in enumerate(types or ("*",))}
    return str(caller.post("webhook_endpoints", form)["secret"])


def _types(deliveries: list[Delivery]) -> list[str]:
    return [delivery.event.type for delivery in deliveries]


def test_balance_transaction_comes_when_it_is_due() -> None:
    """An asynchronous capture is booked once the clock has reached its time, not before."""
    caller = Caller()
    intent = caller.post("payment_intents", CONFIRMED)
    charge = f"charges/{intent['latest_charge']}"
    due_at = caller.sandbox.next_due()
    assert caller.get(charge)["balance_transaction"] is None
    assert due_at is not None

    caller.clock.advance(due_at - caller.clock.now())

    assert caller.get(charge)["balance_transaction"].startswith("txn_")
    assert caller.types()[-1] == "charge.updated"
    assert caller.sandbox.next_due() is None


def test_authorization_expires_after_seven_days() -> None:
    """An authorization that nobody captures is canceled by itself, at capture_before."""
    caller = Caller()
    intent = caller.post("payment_intents", {**CONFIRMED, "capture_method": "manual"})
    charge = caller.get(f"charges/{intent['latest_charge']}")
    before = charge["payment_method_details"]["card"]["capture_before"] - caller.clock.now()

    caller.clock.advance(before - 1)
    assert caller.get(f"payment_intents/{intent['id']}")["status"] == "requires_capture"
    caller.clock.advance(1)

    expired = caller.get(f"payment_intents/{intent['id']}")
    assert (expired["status"], expired["cancellation_reason"]) == ("canceled", "automatic")
    assert caller.types()[-2:] == ["charge.expired", "payment_intent.canceled"]


def test_captured_authorization_does_not_expire() -> None:
    """Once captured, nothing more happens at capture_before."""
    caller = Caller()
    intent = caller.post("payment_intents", {**CONFIRMED, "capture_method": "manual"})
    caller.post(f"payment_intents/{intent['id']}/capture")
    caller.clock.advance(8 * DAY)

    assert caller.get(f"payment_intents/{intent['id']}")["status"] == "succeeded"


def test_delivery_is_signed_and_carries_the_event() -> None:
    """The signature is HMAC-SHA256 over time and raw body, with the endpoint's secret."""
    caller = Caller()
    secret = _listening(caller, "payment_intent.succeeded")
    intent = caller.paid()
    [delivery] = caller.sandbox.take_deliveries()
    request = caller.sandbox.webhook_request(delivery)

    timestamp = int(caller.clock.now())
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + request.body, hashlib.sha256)
    expected = f"t={timestamp},v1={digest.hexdigest()}"
    assert request.headers["stripe-signature"] == expected
    event = json.loads(request.body)
    assert event["data"]["object"]["id"] == intent["id"]
    assert event["pending_webhooks"] == 1


def test_refused_delivery_is_tried_again_until_the_waits_are_over() -> None:
    """Anything but 2xx is repeated after each wait; after the last the event stays undelivered."""
    caller = Caller()
    _listening(caller, "payment_intent.succeeded")
    caller.paid()
    waits = caller.sandbox.settings.webhook_retry_seconds
    for wait in (*waits, 0.0):
        [delivery] = caller.sandbox.take_deliveries()
        caller.sandbox.finish_delivery(delivery, 500)
        assert caller.sandbox.take_deliveries() == []
        caller.clock.advance(wait)

    tried = caller.look("deliveries")["deliveries"]
    assert [each["attempt"] for each in tried] == list(range(1, len(waits) + 2))
    undelivered = caller.get("events", {"delivery_success": "false"})["data"]
    assert [event["type"] for event in undelivered] == ["payment_intent.succeeded"]


def test_accepted_delivery_is_not_repeated() -> None:
    """A 2xx ends the delivery."""
    caller = Caller()
    _listening(caller)
    caller.paid()
    for delivery in caller.sandbox.take_deliveries():
        caller.sandbox.finish_delivery(delivery, 204)
    caller.clock.advance(30 * DAY)

    assert caller.sandbox.take_deliveries() == []
    assert caller.get("events", {"delivery_success": "false"})["data"] == []


def test_webhook_faults_shape_the_deliveries() -> None:
    """Lost, doubled and delayed deliveries are so, the rest come in order."""
    caller = Caller()
    _listening(caller)
    caller.order("faults", kind="webhook_lose", type="payment_intent.created")
    caller.order("faults", kind="webhook_double", type="charge.succeeded")
    caller.order("faults", kind="webhook_delay", seconds=60, type="payment_intent.succeeded")
    caller.paid()

    assert _types(caller.sandbox.take_deliveries()) == ["charge.succeeded", "charge.succeeded"]
    caller.clock.advance(60)
    assert _types(caller.sandbox.take_deliveries()) == ["payment_intent.succeeded"]


def test_shuffled_deliveries_all_come() -> None:
    """A shuffle changes the order and loses nothing."""
    caller = Caller()
    _listening(caller, "payment_intent.created")
    caller.order("faults", kind="webhook_shuffle", times=None, seconds=10)
    made = [caller.paid()["id"] for _ in range(20)]
    assert caller.sandbox.take_deliveries() == []

    caller.clock.advance(10)

    came = [
        json.loads(delivery.event.object_json)["id"]
        for delivery in caller.sandbox.take_deliveries()
    ]
    assert sorted(came) == sorted(made)
    assert came != made


def test_delivery_under_way_at_a_reset_is_forgotten() -> None:
    """What comes back for a world that was reset changes nothing."""
    caller = Caller()
    _listening(caller)
    caller.paid()
    under_way = caller.sandbox.take_deliveries()
    caller.order("reset")
    for delivery in under_way:
        caller.sandbox.finish_delivery(delivery, 500)

    assert caller.look("deliveries") == {"deliveries": []}
    assert caller.sandbox.next_due() is None


def test_same_seed_same_world() -> None:
    """Two sandboxes with one seed and one clock answer byte for byte alike."""
    first, second = (Caller().send("POST", "/v1/payment_intents", CONFIRMED).body for _ in range(2))

    assert first == second


def test_accounts_do_not_see_each_other() -> None:
    """Every key is an account of its own."""
    caller = Caller()
    intent = caller.paid()
    sandbox: Sandbox = caller.sandbox
    other = Caller("rk_test_unit0002", sandbox)

    assert other.send("GET", f"/v1/payment_intents/{intent['id']}").status == 404
    assert other.get("payment_intents")["data"] == []
