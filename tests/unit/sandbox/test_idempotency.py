"""Idempotency keys, on a clock that is moved by hand."""

import json

from tests.unit.sandbox.client import CONFIRMED, Caller

INTENTS = "/v1/payment_intents"


def _send(caller: Caller, key: str, **more: str) -> tuple[int, bytes, dict[str, str]]:
    response = caller.send("POST", INTENTS, {**CONFIRMED, **more}, idempotency_key=key)
    return response.status, response.body, dict(response.headers)


def test_same_key_replays_word_for_word() -> None:
    """The same key and parameters bring the same bytes, marked, and one effect."""
    caller = Caller()
    status, body, headers = _send(caller, "k")
    again, same, replayed = _send(caller, "k")

    assert (status, body) == (again, same)
    assert "idempotent-replayed" not in headers
    assert replayed["idempotent-replayed"] == "true"
    assert replayed["original-request"] == headers["request-id"] != replayed["request-id"]
    calls = caller.look("ledger")["calls"]["k"]
    assert calls == {"count": 2, "effects": 1, "path": INTENTS}


def test_order_of_parameters_does_not_matter() -> None:
    """The same parameters in another order are the same parameters."""
    caller = Caller()
    first = caller.post("payment_intents", CONFIRMED, idempotency_key="k")
    backwards = dict(sorted(CONFIRMED.items(), reverse=True))

    assert caller.post("payment_intents", backwards, idempotency_key="k") == first


def test_other_parameters_are_refused() -> None:
    """The same key with other parameters, or for another route, is an idempotency_error."""
    caller = Caller()
    intent = caller.post("payment_intents", CONFIRMED, idempotency_key="k")

    for path, form in (
        ("payment_intents", {**CONFIRMED, "amount": "2001"}),
        (f"payment_intents/{intent['id']}/cancel", {}),
    ):
        assert caller.refusal(path, form, idempotency_key="k")["type"] == "idempotency_error"


def test_key_is_in_use_until_the_answer_is_out() -> None:
    """While an answer is held back its key is in use; then it replays."""
    caller = Caller()
    caller.order("faults", kind="latency", seconds=3)
    response = caller.send("POST", INTENTS, CONFIRMED, idempotency_key="k")
    assert response.delay_seconds == 3

    in_use = caller.refusal("payment_intents", CONFIRMED, 409, idempotency_key="k")
    caller.clock.advance(3)

    assert in_use["code"] == "idempotency_key_in_use"
    assert caller.send("POST", INTENTS, CONFIRMED, idempotency_key="k").body == response.body


def test_keys_are_forgotten_after_a_day() -> None:
    """A day later the key is new."""
    caller = Caller()
    _, first, _ = _send(caller, "k")
    caller.clock.advance(24 * 3600 - 1)
    _, kept, _ = _send(caller, "k")
    caller.clock.advance(1)
    _, fresh, _ = _send(caller, "k")

    assert kept == first
    assert json.loads(fresh)["id"] != json.loads(first)["id"]


def test_only_what_began_is_kept() -> None:
    """Parameter errors leave the key free; a decline is kept."""
    caller = Caller()
    caller.refusal("payment_intents", {"amount": "5"}, idempotency_key="k")
    declined = {**CONFIRMED, "payment_method": "pm_card_visa_chargeDeclined"}
    first = caller.refusal("payment_intents", declined, 402, idempotency_key="k")

    assert caller.refusal("payment_intents", declined, 402, idempotency_key="k") == first
    assert len(caller.get("charges")["data"]) == 1
