"""A payment's trace, through API, gateway, webhook and worker."""

from __future__ import annotations

import secrets
from pathlib import Path

from app.settings import load_settings
from app.spans import trace_id_of
from app.stack import Stack
from domain.ids import Prefix, is_id
from tests.e2e.graphql.conftest import new_merchant
from tests.e2e.graphql.merchant import eventually
from tests.telemetry import Received, receiver

DELIVERY = "POST /api/webhooks/stripe"
JOB = "event payment_intent.succeeded"


def test_a_payment_is_one_trace(data_folder: Path) -> None:
    """The mutations, their calls of the gateway, the deliveries and the jobs stand in the trace
    whose id is the payment's; New Relic's key goes along, and nothing secret does."""
    license_key = secrets.token_hex(20)
    with receiver() as received:
        given = {
            "TOLLGATE_TRACES_URL": f"{received.url}/v1/traces",
            "TOLLGATE_NEW_RELIC_LICENSE_KEY": license_key,
        }
        with Stack(data_folder, durable=False, given=given) as stack:
            merchant = new_merchant(load_settings(stack.environment))
            payment_id = merchant.paid("chargePayment")
            merchant.query("query($id: ID!) { payment(id: $id) { id } }", id=payment_id)
            trace_id = trace_id_of(payment_id)
            eventually(lambda: {DELIVERY, JOB} <= set(received.names_in(trace_id)), seconds=30)
            logs = "".join(log.read_text() for log in stack.log_dir.iterdir())
            hidden = [stack.stripe_secret_key, merchant.token, "pm_card_visa"]
        # a process sends what it still has when it ends
        _check(received, trace_id)
    sent = b"".join(received.raw)
    assert [each for each in [*hidden, license_key] if each.encode() in sent] == []
    assert {headers["api-key"] for headers in received.headers} == {license_key}
    assert logs.count("traces to 127.0.0.1 (New Relic), 100% of them; error reports off") == 2
    assert license_key not in logs


def _check(received: Received, trace_id: int) -> None:
    names = received.names_in(trace_id)
    assert {"POST /graphql", "stripe send_intent", DELIVERY, JOB} <= set(names)
    spans = received.of(trace_id)
    (sent,) = [span for span in spans if span.name == "stripe send_intent"]
    (asked,) = [span for span in spans if span.span_id == sent.parent_span_id]
    attributes = {each.key: each.value.string_value for each in asked.attributes}
    assert attributes["graphql.operation.name"] == "chargePayment"
    assert attributes["tollgate.outcome"] == "ok"
    about = {each.key: each.value.string_value for each in sent.attributes}
    assert is_id(about["tollgate.operation_id"], Prefix.OPERATION)
    assert asked.start_time_unix_nano <= sent.start_time_unix_nano
    assert sent.end_time_unix_nano <= asked.end_time_unix_nano
    others = {span.name for span in received.spans if span not in spans}
    assert "POST /graphql" in others, "what is about no payment has a trace of its own"
    assert not {name for name in others if "livez" in name or "readyz" in name}
