"""Each fault of the control route, seen through the library; the ledger says what happened."""

import time
from typing import Any

import pytest
import stripe

from tests.e2e.sandbox.api import Api, connected, refused
from tests.e2e.sandbox.control import Control, eventually, exactly
from tests.e2e.sandbox.steps import account_id, captured_at_once, payment

INTENTS = exactly("/v1/payment_intents")
KEYED = {"idempotency_key": "the-key"}

# kind -> (exception of the library, HTTP status, error.code)
REFUSED_WITHOUT_EFFECT = {
    "rate_limit": (stripe.RateLimitError, 429, "rate_limit"),
    "error_before": (stripe.APIError, 500, None),
    "lock_timeout": (stripe.RateLimitError, 429, "lock_timeout"),
    "unavailable": (stripe.APIError, 503, None),
}


async def _order(control: Control, kind: str, **more: object) -> str:
    return await control.order_fault(kind, method="POST", path=INTENTS, **more)


async def _charges(api: Api, control: Control) -> int:
    return len((await control.ledger(await account_id(api)))["charges"])


async def _effects(api: Api, control: Control) -> tuple[int, int]:
    call = (await control.ledger(await account_id(api)))["calls"][KEYED["idempotency_key"]]
    return call["count"], call["effects"]


async def _unreachable(api: Api, **options: Any) -> stripe.StripeError:
    with pytest.raises(stripe.APIConnectionError) as caught:
        await api.payment_intents.create(captured_at_once(), KEYED, **options)
    return caught.value


async def _charged_once_more(api: Api) -> None:
    """The same key again, now without a fault."""
    intent = await api.payment_intents.create(captured_at_once(), KEYED)
    assert intent.status == "succeeded"


@pytest.mark.parametrize("kind", REFUSED_WITHOUT_EFFECT)
async def test_refused_before_the_effect(api: Api, control: Control, kind: str) -> None:
    """The call fails without effect; the same key then succeeds with one."""
    await _order(control, kind)

    refusal = await refused(api.payment_intents.create(captured_at_once(), KEYED))

    exception, status, code = REFUSED_WITHOUT_EFFECT[kind]
    assert refusal.kind is exception
    assert (refusal.facts[0], refusal.facts[2]) == (status, code)
    assert await _charges(api, control) == 0
    await _charged_once_more(api)
    assert await _charges(api, control) == 1


async def test_latency(api: Api, control: Control) -> None:
    """The answer comes late, with its effect."""
    await _order(control, "latency", seconds=0.4)
    started = time.monotonic()

    intent = await api.payment_intents.create(captured_at_once(), KEYED)

    assert time.monotonic() - started >= 0.4
    assert intent.status == "succeeded"
    assert await _effects(api, control) == (1, 1)


async def test_error_after(api: Api, control: Control) -> None:
    """A 500 after the effect: the charge is there, and the key repeats the 500."""
    await _order(control, "error_after")

    refusal = await refused(api.payment_intents.create(captured_at_once(), KEYED))

    assert refusal.kind is stripe.APIError
    assert refusal.facts[:2] == (500, "api_error")
    assert await _charges(api, control) == 1
    again = await refused(api.payment_intents.create(captured_at_once(), KEYED))
    assert again.facts == refusal.facts
    assert await _effects(api, control) == (2, 1)


async def test_drop_before(api: Api, control: Control) -> None:
    """The connection closes without effect; the same key then succeeds."""
    await _order(control, "drop_before")

    await _unreachable(api)

    assert await _charges(api, control) == 0
    await _charged_once_more(api)


async def test_drop_after(api: Api, control: Control) -> None:
    """The connection closes after the effect; the same key brings the stored answer."""
    await _order(control, "drop_after")

    await _unreachable(api)

    assert await _charges(api, control) == 1
    await _charged_once_more(api)
    assert api.recorder.last().headers["idempotent-replayed"] == "true"
    assert await _effects(api, control) == (2, 1)


async def test_hang_after(api: Api, control: Control) -> None:
    """No answer within the caller's patience, but the effect is there."""
    await _order(control, "hang_after", seconds=2)

    async with connected(
        api.url, api.mode, api.recorder, api.key, timeout_seconds=0.5
    ) as impatient:
        await _unreachable(impatient)

    await eventually(lambda: _charges(api, control), lambda charges: charges == 1)
    await _charged_once_more(api)
    assert await _effects(api, control) == (2, 1)


@pytest.mark.parametrize("kind", ["garbled", "html"])
async def test_unreadable_answer(api: Api, control: Control, kind: str) -> None:
    """An unreadable 200: the library cannot tell what happened, the effect is there."""
    api.recorder.unreadable_expected = 1
    await _order(control, kind)

    with pytest.raises(stripe.APIError) as caught:
        await api.payment_intents.create(captured_at_once(), KEYED)

    assert caught.value.http_status == 200
    assert await _charges(api, control) == 1
    await _charged_once_more(api)
    assert await _effects(api, control) == (2, 1)


async def test_ignored_keys(api: Api, control: Control) -> None:
    """With keys ignored the same key charges twice."""
    await _order(control, "ignore_keys", times=None)

    first = await api.payment_intents.create(captured_at_once(), KEYED)
    second = await api.payment_intents.create(captured_at_once(), KEYED)

    assert first.id != second.id
    assert await _effects(api, control) == (2, 2)


async def test_fault_lasts_as_often_as_ordered(api: Api, control: Control) -> None:
    """times=2 hits twice, then never again."""
    await _order(control, "rate_limit", times=2)

    for _ in range(2):
        await refused(api.payment_intents.create(payment()))

    assert (await api.payment_intents.create(payment())).id


async def test_fault_lasts_until_withdrawn(api: Api, control: Control) -> None:
    """times=null hits until the fault is deleted; the list shows what is in force."""
    fault = await _order(control, "rate_limit", times=None)
    for _ in range(3):
        await refused(api.payment_intents.create(payment()))
    assert fault in str(await control.faults())

    await control.clear_faults(fault)

    assert (await api.payment_intents.create(payment())).id
    assert fault not in str(await control.faults())


async def test_fault_hits_its_method_and_path_only(api: Api, control: Control) -> None:
    """Other methods and longer paths pass."""
    await _order(control, "rate_limit", times=None)
    await control.order_fault("unavailable", method="POST", path=r"/v1/.*/capture")

    page = await api.payment_intents.list()

    assert page.data == []
    assert (await api.balance.retrieve()).object == "balance"
    refusal = await refused(api.payment_intents.capture("pi_any"))
    assert refusal.facts[0] == 503


async def test_fault_by_chance(api: Api, control: Control) -> None:
    """A probability of 0 never hits, of 1 always."""
    never = await _order(control, "rate_limit", times=None, probability=0)
    for _ in range(5):
        await api.payment_intents.create(payment())
    await control.clear_faults(never)
    await _order(control, "rate_limit", times=None, probability=1)

    for _ in range(5):
        await refused(api.payment_intents.create(payment()))


async def test_unknown_fault_is_refused(control: Control) -> None:
    """A fault that does not exist cannot be ordered."""
    with pytest.raises(AssertionError, match="faults: 4"):
        await control.order_fault("no_such_kind")


async def test_reset_forgets_everything(api: Api, control: Control) -> None:
    """After a reset there are no objects, no faults, no ledger."""
    intent = await api.payment_intents.create(captured_at_once())
    await _order(control, "rate_limit", times=None)

    await control.reset()

    refusal = await refused(api.payment_intents.retrieve(intent.id))
    assert refusal.facts[2] == "resource_missing"
    assert (await control.ledger())["charges"] == []
    assert not any(await control.faults())
    assert (await api.payment_intents.create(payment())).id


async def test_health(control: Control) -> None:
    """The health route answers ok."""
    answer = await eventually(control.health, bool)

    assert answer == {"status": "ok"}
