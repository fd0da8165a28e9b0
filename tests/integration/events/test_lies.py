"""Payloads that lie, lack something or come from elsewhere: the gateway's word is what counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from domain.ids import Prefix, new_id
from domain.inbox import WebhookEventStatus
from domain.payment import Payment, PaymentStatus
from tests.events.catalog import SENT, Shape, event
from tests.events.facts import Facts, Json
from tests.integration.events.mailbox import Mailbox
from tests.integration.webhooks.served import CONNECT_SECRET

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROCESSED, IGNORED = WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED
RETRY = WebhookEventStatus.RETRY
OF_PAYMENTS = tuple(type_ for type_ in SENT if not type_.startswith("account."))
OF_EACH_OBJECT = (
    *("payment_intent.succeeded", "charge.updated", "refund.failed"),
    "charge.dispute.closed",
)
"""A type of each object, where the type itself makes no difference."""

BELIEVED = frozenset({"payment_intent.succeeded", "payment_intent.canceled"})
"""A signed event of the pinned version, of these types, whose object agrees with its type and with
what is recorded, may be taken at its word."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def authorized(mailbox: Mailbox) -> Payment:
    """A payment that is authorized, here and at the gateway, and nothing else."""
    return await mailbox.shop.authorize()


def with_object(made: Json, **changes: object) -> Json:
    """The event with these fields of its object changed."""
    data = made["data"]
    assert isinstance(data, dict)
    return made | {"data": {**data, "object": {**data["object"], **changes}}}


@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("type_", OF_PAYMENTS)
async def test_a_lie_moves_nothing(
    mailbox: Mailbox, authorized: Payment, type_: str, shape: Shape
) -> None:
    """Of a payment that is only authorized every type tells that more happened: paid, declined,
    canceled, refunded, disputed. Nothing moves; refunds and disputes that do not exist at the
    gateway are asked for again later."""
    facts, before = await mailbox.facts(authorized), await mailbox.moved(authorized)
    lie = event(type_, replace(facts, refunded=4_000), shape)
    if type_ in BELIEVED:
        lie = with_object(lie, status="processing")
    done = await mailbox.deliver(lie)

    assert done.payment_id == authorized.id
    assert done.status is (RETRY if _names_what_is_not(type_) else PROCESSED)
    assert await mailbox.moved(authorized) == before
    assert before.payment.status is PaymentStatus.AUTHORIZED


def _names_what_is_not(type_: str) -> bool:
    return "dispute" in type_ or ("refund" in type_ and type_ != "charge.refunded")


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 1},
        {"currency": "eur"},
        {"status": "requires_capture"},
        {"object": "charge"},
        {"metadata": {}},
        {"livemode": True},
        {"id": "pi_of_another"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
@pytest.mark.parametrize("type_", sorted(BELIEVED))
async def test_a_closing_event_that_differs_is_not_taken_at_its_word(
    mailbox: Mailbox, authorized: Payment, type_: str, wrong: Mapping[str, object]
) -> None:
    """Whatever in it differs from what is recorded: the gateway is read, and says authorized, or
    knows of no such intent."""
    before = await mailbox.moved(authorized)
    lie = event(type_, await mailbox.facts(authorized))
    done = await mailbox.deliver(with_object(lie, **wrong))

    assert done.status is (RETRY if "id" in wrong else PROCESSED)
    assert await mailbox.moved(authorized) == before


@pytest.mark.parametrize("shape", Shape)
async def test_the_other_mode(mailbox: Mailbox, authorized: Payment, shape: Shape) -> None:
    """A live event at a test endpoint is IGNORED before anything is looked up, whatever its type
    and though its object says test."""
    facts, before = await mailbox.facts(authorized), await mailbox.moved(authorized)
    for type_ in OF_PAYMENTS:
        done = await mailbox.deliver(event(type_, facts, shape) | {"livemode": True})
        assert (done.status, done.payment_id, done.tenant_id) == (IGNORED, None, None), type_
        assert done.error_message == "The event is of the other mode than its account.", type_

    assert await mailbox.moved(authorized) == before


@pytest.mark.parametrize("shape", Shape)
async def test_another_account(mailbox: Mailbox, authorized: Payment, shape: Shape) -> None:
    """Under the Connect secret an event speaks for the account that it names, and for no payment of
    another account, though it names that payment's intent and our own id of it."""
    shop = mailbox.shop
    account = f"acct_{shape.value}"
    await shop.write(
        "insert into tenant_payment_gateways (id, tenant_id, gateway_type, mode, livemode,"
        " is_enabled, fee_basis_points, fee_fixed_cents, account_id, created_at, updated_at)"
        " values (:id, :tenant, 'STRIPE', 'CONNECT', false, false, 290, 30, :account, now(),"
        " now())",
        id=new_id(Prefix.GATEWAY),
        tenant=shop.tenant.id,
        account=account,
    )
    facts, before = await mailbox.facts(authorized), await mailbox.moved(authorized)
    for type_ in OF_EACH_OBJECT:
        told = event(type_, facts, shape, account=account)
        done = await mailbox.deliver(told, secret=CONNECT_SECRET)
        assert done.status in (IGNORED, RETRY), type_
        assert (done.account, done.payment_id) == (account, None), type_

    assert await mailbox.moved(authorized) == before


NOTHING: Mapping[str, Any] = {
    "no data": {"data": None},
    "data is a list": {"data": [{"object": {"id": "pi_1"}}]},
    "data is a text": {"data": "object"},
    "no object": {"data": {}},
    "object is null": {"data": {"object": None}},
    "object is a list": {"data": {"object": [{"id": "pi_1", "object": "payment_intent"}]}},
    "object is a text": {"data": {"object": "pi_1"}},
    "object is empty": {"data": {"object": {}}},
    "object is of no type": {"data": {"object": {"id": "pi_1", "object": None}}},
    "object is a version's": {"data": {"object": {"id": 7, "object": 8, "metadata": 9}}},
    "ids bend a path": {
        "data": {
            "object": {
                "id": "../accounts",
                "object": "refund",
                "charge": "ch_1/../../x",
                "payment_intent": "pi_1/cancel?x=",
                "metadata": {"tollgate_payment_id": "../../x"},
            }
        }
    },
    "what changed is no object": {
        "data": {"object": {"object": "charge", "id": "ch_1"}, "previous_attributes": [None, 1]}
    },
}


@pytest.mark.parametrize("name", NOTHING)
async def test_a_payload_without_a_subject(mailbox: Mailbox, name: str) -> None:
    """What names nothing is stored, ends without an error, and changes nothing, whatever it is said
    to be."""
    entries = len(await mailbox.shop.rows("select 1 from audit_log"))
    for type_ in OF_EACH_OBJECT:
        done = await mailbox.deliver(event(type_, Facts()) | NOTHING[name])
        assert done.status in (IGNORED, RETRY), type_
        assert done.payment_id is None, type_
        assert done.error_message, type_

    assert len(await mailbox.shop.rows("select 1 from audit_log")) == entries


@pytest.mark.parametrize("field", ["id", "object", "payment_intent", "metadata", "livemode"])
async def test_a_payload_without_a_field(mailbox: Mailbox, authorized: Payment, field: str) -> None:
    """An object that lacks a field never moves anything, and never more than is the gateway's
    word."""
    facts, before = await mailbox.facts(authorized), await mailbox.moved(authorized)
    for type_ in OF_EACH_OBJECT:
        for shape in Shape:
            made = event(type_, facts, shape)
            data = made["data"]
            assert isinstance(data, dict)
            lacking = {name: at for name, at in data["object"].items() if name != field}
            if type_ in BELIEVED:
                lacking["status"] = "processing"
            done = await mailbox.deliver(made | {"data": {"object": lacking}})
            assert done.status in (PROCESSED, IGNORED, RETRY), (type_, shape)

    assert await mailbox.moved(authorized) == before
