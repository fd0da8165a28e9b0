"""Keys and accounts."""

import aiohttp
import stripe

from tests.e2e.sandbox.api import Api, connected, new_key, refused
from tests.e2e.sandbox.steps import payment


async def test_each_key_is_an_account_of_its_own(api: Api) -> None:
    """An intent of one key does not exist for another key."""
    intent = await api.payment_intents.create(payment())

    async with connected(api.url, api.mode, api.recorder, new_key()) as other:
        refusal = await refused(other.payment_intents.retrieve(intent.id))
        own = await other.accounts.retrieve_current()

    assert refusal.facts[:3] == (404, "invalid_request_error", "resource_missing")
    assert own.id != (await api.accounts.retrieve_current()).id


async def test_same_key_is_the_same_account(api: Api) -> None:
    """Two clients with one key see the same intents."""
    intent = await api.payment_intents.create(payment())

    async with connected(api.url, api.mode, api.recorder, api.key) as again:
        found = await again.payment_intents.retrieve(intent.id)

    assert found.id == intent.id


async def test_wrong_key(api: Api) -> None:
    """A key that is none is 401 with Stripe's invalid_request_error."""
    async with connected(api.url, api.mode, api.recorder, "sk_wrong") as other:
        refusal = await refused(other.payment_intents.list())

    assert refusal.kind is stripe.AuthenticationError
    assert refusal.facts[:2] == (401, "invalid_request_error")
    assert "Invalid API Key provided" in refusal.body["message"]


async def test_live_key(api: Api) -> None:
    """A live key is never taken."""
    async with connected(api.url, api.mode, api.recorder, "sk_live_" + "a" * 24) as other:
        refusal = await refused(other.payment_intents.create(payment()))

    assert refusal.kind is stripe.AuthenticationError


async def test_restricted_key(api: Api) -> None:
    """A restricted test key works like a secret one."""
    key = new_key().replace("sk_", "rk_")
    async with connected(api.url, api.mode, api.recorder, key) as other:
        assert (await other.payment_intents.create(payment())).id


async def test_expired_key(api: Api) -> None:
    """A key that was valid once is 401 with a code of its own."""
    async with connected(api.url, api.mode, api.recorder, "sk_test_sandbox_expired_1") as other:
        refusal = await refused(other.accounts.retrieve_current())

    assert refusal.kind is stripe.AuthenticationError
    assert refusal.facts[:3] == (401, "invalid_request_error", "api_key_expired")


async def test_restricted_key_without_a_permission(api: Api) -> None:
    """A restricted key that may not read accounts is told the permission, and may do the rest."""
    key = "rk_test_sandbox_no_accounts_1"
    async with connected(api.url, api.mode, api.recorder, key) as other:
        refusal = await refused(other.accounts.retrieve_current())
        assert (await other.payment_intents.create(payment())).id

    assert refusal.kind is stripe.PermissionError
    assert refusal.facts[:2] == (403, "invalid_request_error")
    assert "rak_accounts_kyc_basic_read" in refusal.body["message"]


async def test_no_key(api: Api) -> None:
    """A call without a key is 401 and says how to give one."""
    async with api.raw_session.get(f"{api.url}/v1/payment_intents") as answer:
        body = await answer.json()

    assert answer.status == 401
    assert body["error"]["type"] == "invalid_request_error"
    assert "You did not provide an API key" in body["error"]["message"]


async def test_key_as_user_name(api: Api) -> None:
    """The key may come as the user name of basic authentication, as `curl -u` sends it."""
    intent = await api.payment_intents.create(payment())
    named = {"Authorization": aiohttp.encode_basic_auth(api.key, "")}

    async with api.raw_session.get(f"{api.url}/v1/payment_intents", headers=named) as answer:
        body = await answer.json()

    assert [found["id"] for found in body["data"]] == [intent.id]
