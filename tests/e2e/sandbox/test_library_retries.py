"""The library's own retries, as it ships them: with a key of its own making they act once."""

import pytest

from tests.e2e.sandbox.api import Api, connected, refused
from tests.e2e.sandbox.control import Control, exactly
from tests.e2e.sandbox.steps import account_id, captured_at_once

INTENTS = exactly("/v1/payment_intents")
RETRIES = 2


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "lock_timeout", "unavailable"])
async def test_retried_call_acts_once(api: Api, control: Control, kind: str) -> None:
    """A call that the library repeats by itself succeeds with one charge."""
    await control.order_fault(kind, method="POST", path=INTENTS)

    async with connected(api.url, api.mode, api.recorder, api.key, retries=RETRIES) as patient:
        intent = await patient.payment_intents.create(captured_at_once())

    ledger = await control.ledger(await account_id(api))
    assert intent.status == "succeeded"
    assert [charge["payment_intent"] for charge in ledger["charges"]] == [intent.id]
    [call] = [call for call in ledger["calls"].values() if call["path"] == "/v1/payment_intents"]
    assert (call["count"], call["effects"]) == (2, 1)


@pytest.mark.parametrize("kind", ["error_after", "rate_limit"])
async def test_call_that_is_not_retried(api: Api, control: Control, kind: str) -> None:
    """A stored 500 and a rate limit are handed to the caller: repeating would not help."""
    await control.order_fault(kind, method="POST", path=INTENTS, times=None)

    async with connected(api.url, api.mode, api.recorder, api.key, retries=RETRIES) as patient:
        await refused(patient.payment_intents.create(captured_at_once()))

    ledger = await control.ledger(await account_id(api))
    assert [call["count"] for call in ledger["calls"].values()] == [1]
