"""An idempotency key is a tenant's own: the other's key says nothing, with its input or without."""

from __future__ import annotations

from typing import Any

from domain.caller import Role
from tests.integration.tenants.matrix import MADE, Matrix, plain
from tests.integration.tenants.people import twin
from tests.unit.app.asgi import Answer


async def done(matrix: Matrix, name: str, given: dict[str, Any]) -> Answer:
    """The mutation by our own administrator."""
    document = matrix.api.asked[name].document(Role.ADMIN)
    return await matrix.api.ask(matrix.ours.headers[Role.ADMIN], document, {"input": given})


async def test_another_tenants_key_is_a_new_one(matrix: Matrix) -> None:
    """Each mutation that the other tenant made, again with its key: with the very input, and with
    another. It is answered as with a key that nobody used, never as a replay or as a reuse."""
    before = await matrix.state()
    for name, given in matrix.theirs.done:
        key = str(given["idempotencyKey"])
        unused = twin(key)
        for changed in changes(given):
            # The control goes second: where an order is made, under a reference of its own.
            other = {**given, **changed, "idempotencyKey": unused}
            if "reference" in other:
                other["reference"] = twin(other["reference"])
            answer = await done(matrix, name, {**given, **changed})
            control = await done(matrix, name, other)
            assert shown(answer, given, key) == shown(control, other, unused), name
            assert b'replayed": true' not in answer.body
            if changed == {}:
                assert b"IDEMPOTENCY" not in answer.body
    after = await matrix.state()

    assert len(matrix.theirs.done) > 15
    assert before.theirs == after.theirs
    assert before.said == after.said
    grown = {name for name, count in after.counts.items() if count != before.counts.get(name, 0)}
    assert grown == {"orders", "idempotency_keys", "audit_log"}


def changes(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Nothing, and then another input under the same key."""
    if "reference" in given:
        return [{}, {"totalAmountCents": 2_000}]
    if "paymentMethod" in given:
        return [{}, {"metadata": {"another": "input"}}]
    return [{}, {"amountCents": 7} if "amountCents" in given else {"reason": "another"}]


def shown(answer: Answer, given: dict[str, Any], key: str) -> tuple[object, ...]:
    """The answer less what differs between two orders that were made alike."""
    status, headers, body = plain(answer, key)
    reference = str(given.get("reference", key)).encode()
    return status, headers, MADE.sub(b"<made>", body.replace(reference, b"<reference>"))
