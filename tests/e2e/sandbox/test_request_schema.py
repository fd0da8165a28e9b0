"""What Stripe's request schema refuses, the sandbox refuses: generated per operation and parameter.

Each operation is first sent every broken value, then the sound request, which must still work: so
the refusals had no effect, and nothing but the broken value was wrong with them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import pytest

from tests.e2e.sandbox import openapi, refusals
from tests.e2e.sandbox.api import Api, connected, new_key
from tests.e2e.sandbox.control import Control
from tests.e2e.sandbox.recording import Recorder
from tests.e2e.sandbox.refusals import Broken
from tests.e2e.sandbox.steps import authorized, captured_at_once, connected_account, payment

IN_FLIGHT = 8
INTENT = "/v1/payment_intents/{intent}"

Sound = Mapping[str, Any]
Prepared = tuple[str, Sound]


@pytest.fixture
async def account(sandbox_address: str, control: Control) -> AsyncIterator[Api]:
    """A fresh account of the sandbox."""
    async with connected(sandbox_address, "async", Recorder(), new_key()) as api:
        yield api


@pytest.fixture(autouse=True)
def _described() -> None:
    """Without Stripe's description there is nothing to generate from."""
    if reason := openapi.absence():
        pytest.skip(reason)


async def _paid(api: Api) -> Any:
    return await api.payment_intents.create(captured_at_once())


async def _create_intent(api: Api) -> Prepared:
    return "/v1/payment_intents", payment()


async def _update_intent(api: Api) -> Prepared:
    intent = await api.payment_intents.create(payment())
    return f"/v1/payment_intents/{intent.id}", {"metadata": {"a": "1"}}


async def _confirm_intent(api: Api) -> Prepared:
    intent = await api.payment_intents.create(payment())
    return f"/v1/payment_intents/{intent.id}/confirm", {"payment_method": "pm_card_visa"}


async def _capture_intent(api: Api) -> Prepared:
    intent = await api.payment_intents.create(authorized())
    return f"/v1/payment_intents/{intent.id}/capture", {}


async def _cancel_intent(api: Api) -> Prepared:
    intent = await api.payment_intents.create(payment())
    return f"/v1/payment_intents/{intent.id}/cancel", {}


async def _create_refund(api: Api) -> Prepared:
    return "/v1/refunds", {"payment_intent": (await _paid(api)).id}


async def _update_refund(api: Api) -> Prepared:
    refund = await api.refunds.create({"payment_intent": (await _paid(api)).id})
    return f"/v1/refunds/{refund.id}", {"metadata": {"a": "1"}}


async def _update_charge(api: Api) -> Prepared:
    return f"/v1/charges/{(await _paid(api)).latest_charge}", {"metadata": {"a": "1"}}


async def _dispute(api: Api) -> str:
    control = Control(api.url, api.raw_session)
    opened = await control.dispute((await _paid(api)).latest_charge)
    return str(opened["id"])


async def _update_dispute(api: Api) -> Prepared:
    return f"/v1/disputes/{await _dispute(api)}", {"metadata": {"a": "1"}}


async def _close_dispute(api: Api) -> Prepared:
    return f"/v1/disputes/{await _dispute(api)}/close", {}


async def _create_endpoint(api: Api) -> Prepared:
    return "/v1/webhook_endpoints", {
        "url": "https://shop.example/hook",
        "enabled_events": ["charge.updated"],
    }


async def _update_endpoint(api: Api) -> Prepared:
    path, sound = await _create_endpoint(api)
    endpoint = await api.webhook_endpoints.create(dict(sound))
    return f"{path}/{endpoint.id}", {"description": "a shop"}


async def _refund_fee(api: Api) -> Prepared:
    options = {"stripe_account": await connected_account(api)}
    await api.payment_intents.create(captured_at_once(application_fee_amount=200), options)
    [fee] = (await api.application_fees.list()).data
    return f"/v1/application_fees/{fee.id}/refunds", {}


async def _create_payment_method(api: Api) -> Prepared:
    return "/v1/payment_methods", {"type": "card", "card": {"token": "tok_visa"}}


async def _create_customer(api: Api) -> Prepared:
    return "/v1/customers", {"email": "jenny@example.com"}


WRITES: Mapping[str, Callable[[Api], Awaitable[Prepared]]] = {
    "/v1/payment_intents": _create_intent,
    INTENT: _update_intent,
    f"{INTENT}/confirm": _confirm_intent,
    f"{INTENT}/capture": _capture_intent,
    f"{INTENT}/cancel": _cancel_intent,
    "/v1/refunds": _create_refund,
    "/v1/refunds/{refund}": _update_refund,
    "/v1/charges/{charge}": _update_charge,
    "/v1/disputes/{dispute}": _update_dispute,
    "/v1/disputes/{dispute}/close": _close_dispute,
    "/v1/webhook_endpoints": _create_endpoint,
    "/v1/webhook_endpoints/{webhook_endpoint}": _update_endpoint,
    "/v1/application_fees/{id}/refunds": _refund_fee,
    "/v1/payment_methods": _create_payment_method,
    "/v1/customers": _create_customer,
}
LISTS = (
    "/v1/payment_intents",
    "/v1/refunds",
    "/v1/charges",
    "/v1/disputes",
    "/v1/events",
    "/v1/balance_transactions",
    "/v1/webhook_endpoints",
    "/v1/application_fees",
)


class Wire:
    """Raw calls with an account's key: what the library would never let through."""

    def __init__(self, api: Api, session: aiohttp.ClientSession) -> None:
        self._url = api.url
        self._session = session
        self._headers = {"Authorization": f"Bearer {api.key}"}
        self._gate = asyncio.Semaphore(IN_FLIGHT)

    async def send(self, method: str, path: str, form: list[tuple[str, str]]) -> tuple[int, Any]:
        """Status and parsed body of one call."""
        carried: dict[str, Any] = {"params": form} if method == "get" else {"data": form}
        async with (
            self._gate,
            self._session.request(
                method, self._url + path, headers=self._headers, **carried
            ) as answer,
        ):
            return answer.status, await answer.json()

    async def judge(self, method: str, path: str, sound: Sound, broken: Broken) -> str | None:
        """What is wrong with the answer to a broken request, or None when it is refused well."""
        kept = {name: value for name, value in sound.items() if name != broken.parameter}
        status, body = await self.send(method, path, _form(kept) + broken.form())
        where = f"{broken.parameter} ({broken.fault})"
        if status != 400:
            return f"{where}: answered {status}"
        error = body["error"]
        if error["type"] != "invalid_request_error":
            return f"{where}: {error['type']}"
        if error.get("param", "").partition("[")[0] != broken.parameter:
            return f"{where}: names {error.get('param')!r}: {error['message']}"
        return next(iter(openapi.faults(method, path, status, body)), None)


def _form(sound: Sound) -> list[tuple[str, str]]:
    return [pair for name, value in sound.items() for pair in refusals.encoded(name, _text(value))]


def _text(value: Any) -> refusals.Value:
    if isinstance(value, dict):
        return {name: _text(child) for name, child in value.items()}
    if isinstance(value, list):
        return [_text(child) for child in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _all(wire: Wire, method: str, path: str, sound: Sound, cases: list[Broken]) -> list[str]:
    calls = [wire.judge(method, path, sound, broken) for broken in cases if broken.form()]
    assert calls
    return [fault for fault in await asyncio.gather(*calls) if fault]


@pytest.mark.parametrize("template", WRITES)
async def test_broken_bodies_are_refused(account: Api, template: str) -> None:
    """Every body that the schema refuses is 400 naming the parameter; the sound one then works."""
    path, sound = await WRITES[template](account)
    wire = Wire(account, account.raw_session)

    faults = await _all(wire, "post", path, sound, refusals.of_body("post", template))

    assert faults == []
    status, body = await wire.send("post", path, _form(sound))
    assert (status, body.get("error")) == (200, None)


@pytest.mark.parametrize("template", WRITES)
async def test_missing_parameters_are_refused(account: Api, template: str) -> None:
    """A body without a required parameter is parameter_missing."""
    path, sound = await WRITES[template](account)
    wire = Wire(account, account.raw_session)

    for name in refusals.required("post", template):
        rest = {other: value for other, value in sound.items() if other != name}
        status, body = await wire.send("post", path, _form(rest))
        assert status == 400
        assert (body["error"]["code"], body["error"]["param"]) == ("parameter_missing", name)

    status, _ = await wire.send("post", path, _form(sound))
    assert status == 200


@pytest.mark.parametrize("template", LISTS)
async def test_broken_queries_are_refused(account: Api, template: str) -> None:
    """Every query that the schema refuses is 400 naming the parameter."""
    wire = Wire(account, account.raw_session)

    faults = await _all(wire, "get", template, {}, refusals.of_query(template))

    assert faults == []
    status, body = await wire.send("get", template, [])
    assert (status, body["data"]) == (200, [])
