"""Ciphertexts that were altered, moved or made with another key: refused, told once, never worked
around, and nobody else's trouble."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from db.cipher import AesGcmCipher
from db.work import SqlDatabase
from domain.errors import GatewayUnavailable, InvalidState
from domain.operation import UNREADABLE_REQUEST
from domain.payment import NextAction, PaymentStatus
from domain.services import PaymentService
from tests.e2e.sandbox.control import Control
from tests.integration.domain.calls import charge
from tests.integration.domain.gateways import Desk, new_key, own, platform
from tests.integration.domain.test_settling import PATHS
from tests.integration.webhooks.shop import USER, Shop
from webhooks.envelope import read_envelope

WEBHOOK_SECRET = "whsec_of_the_merchants_own_endpoint"
GATEWAYS = "tenant_payment_gateways"


@dataclass(frozen=True, slots=True)
class Row:
    """A tenant's own account in use, another account of the tenant that was in use before, and
    the row of another tenant."""

    desk: Desk
    id: str
    former_id: str
    rival_row_id: str
    rival_id: str

    async def set(self, expression: str) -> None:
        """Writes the key's column past all of our code; `others` are the other rows."""
        await self.desk.shop.write(
            f"update {GATEWAYS} t set secret_key = {expression} where t.id = :id",  # noqa: S608 - our own
            id=self.id,
        )

    def copied(self, row_id: str) -> str:
        """The key's blob of another row."""
        return f"(select secret_key from {GATEWAYS} where id = '{row_id}')"  # noqa: S608 - our own


async def a_row(shop: Shop) -> Row:
    """Three accounts of two tenants, each with its key."""
    desk = Desk.of(shop)
    rival_id = await desk.rival()
    former = await desk.configure(own(new_key()))
    row = await desk.configure(own(new_key(), webhook_secret=WEBHOOK_SECRET))
    theirs = await desk.configure(own(new_key()), tenant_id=rival_id)
    return Row(desk, row.profile.id, former.profile.id, theirs.profile.id, rival_id)


HARMS: dict[str, Callable[[Row], Awaitable[None]]] = {
    "another row's": lambda row: row.set(row.copied(row.former_id)),
    "another tenant's": lambda row: row.set(row.copied(row.rival_row_id)),
    "another column's": lambda row: row.set(
        "(select secret from endpoint_secrets where gateway_id = t.id)"
    ),
    "first bit": lambda row: row.set("set_bit(t.secret_key, 0, 1 - get_bit(t.secret_key, 0))"),
    "key id": lambda row: row.set("set_byte(t.secret_key, 1, 113)"),
    "nonce": lambda row: row.set("set_byte(t.secret_key, 5, 255 - get_byte(t.secret_key, 5))"),
    "last bit": lambda row: row.set(
        "set_byte(t.secret_key, length(t.secret_key) - 1,"
        " 255 - get_byte(t.secret_key, length(t.secret_key) - 1))"
    ),
    "cut": lambda row: row.set("substr(t.secret_key, 1, length(t.secret_key) - 1)"),
    "one byte": lambda row: row.set("substr(t.secret_key, 1, 1)"),
    "empty": lambda row: row.set("''"),
}


async def test_a_key_that_is_not_the_rows_own_moves_no_money(shop: Shop) -> None:
    """Whatever was done to it: payments are refused with a clear answer and repeatable, by one
    alert; the platform's key is not used instead; accounts are still shown, others' still read."""
    row = await a_row(shop)
    ((blob,),) = await shop.rows(
        f"select secret_key from {GATEWAYS} where id = :id",  # noqa: S608 - our own
        id=row.id,
    )
    for harm in HARMS.values():
        await row.set(f"'\\x{bytes(blob).hex()}'")
        await harm(row)
        command = await shop.start_command()
        for _ in range(2):
            with pytest.raises(GatewayUnavailable) as refused:
                await charge(shop, command)
            assert refused.value.detail_code == "CREDENTIALS_UNREADABLE"
            assert refused.value.retryable
        with pytest.raises(InvalidState) as unreadable:
            await row.desk.configure(own())

        assert unreadable.value.detail_code == "CREDENTIALS_UNREADABLE"
        assert (await shop.payment_of(command.order_id)).status is PaymentStatus.PENDING
    assert await shop.alerts() == [("cipher.unreadable", "CRITICAL", row.id)]
    assert (await shop.control.ledger())["charges"] == []
    assert (await row.desk.modes())[-1] == ("OWN", True)
    async with shop.database.begin(row.rival_id) as work:
        assert (await work.gateways.secrets(row.rival_id, row.rival_row_id)).secret_key is not None


async def test_the_key_given_again_puts_it_right(shop: Shop) -> None:
    """The same call, repeated after the administrator gave the key again, runs the operation."""
    desk, key = Desk.of(shop), new_key()
    row = (await desk.configure(own(key))).profile
    await shop.write(f"update {GATEWAYS} set secret_key = '\\x00' where id = :id", id=row.id)  # noqa: S608 - our own
    command = await shop.start_command()
    with pytest.raises(GatewayUnavailable):
        await charge(shop, command)
    again = (await desk.configure(own(key))).profile
    done = await charge(shop, command)

    assert again.id == row.id
    assert done.payment.status is PaymentStatus.PAID
    assert [each["account"] for each in (await shop.control.ledger())["charges"]] == [
        await desk.account_of(key)
    ]


@pytest.mark.parametrize(
    "cipher",
    [AesGcmCipher({"k1": b"1" * 32}, "k1"), AesGcmCipher({"k2": b"0" * 32}, "k2")],
    ids=["another key of that name", "the key is gone"],
)
async def test_the_wrong_master_key_reads_nothing_and_breaks_nothing(
    shop: Shop, control: Control, cipher: AesGcmCipher
) -> None:
    """A process with the wrong key refuses what needs a secret, serves the rest, and leaves what it
    cannot read for a process with the right one."""
    desk, key = Desk.of(shop), new_key()
    waiting = await shop.charge("pm_card_authenticationRequired")
    await control.order_fault("unavailable", method="POST", path=PATHS["charge"])
    lost = await shop.lose_the_answer()
    row = (await desk.configure(own(key))).profile
    blind = SqlDatabase(shop.database._engine, cipher)
    payments = PaymentService(blind, shop.gateway, shop.wake, shop.clock)

    with pytest.raises(GatewayUnavailable, match="cannot be read"):
        await payments.charge(USER, shop.tenant.id, await shop.start_command())
    async with blind.begin(shop.tenant.id) as work:
        seen = await work.payments.lock(shop.tenant.id, waiting.id)
        (operation,) = await work.operations.open_of_payment(shop.tenant.id, lost.id)
        await work.payments.save(seen)
        await work.operations.save(operation)
        await work.commit()

    assert isinstance(seen.next_action, NextAction)
    assert seen.next_action.client_secret is None
    assert operation.request == UNREADABLE_REQUEST
    after = await shop.now_of(waiting)
    assert after.next_action == waiting.next_action
    async with shop.database.begin(shop.tenant.id) as work:
        found = await work.operations.find(shop.tenant.id, operation.id)
    assert found is not None
    assert found.request.parameters["payment_method"] == "pm_card_visa"
    assert {alert for alert in await shop.alerts() if alert[0] == "cipher.unreadable"} == {
        ("cipher.unreadable", "CRITICAL", each) for each in (row.id, waiting.id, operation.id)
    }


async def dumped(shop: Shop) -> str:
    """Every row of every table, as PostgreSQL prints it."""
    tables = await shop.rows(
        "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
    )
    rows: list[str] = []
    for (table,) in tables:
        rows += [str(row) for (row,) in await shop.rows(f"select t::text from {table} t")]  # noqa: S608 - its own names
    return "\n".join(rows)


async def test_the_database_shows_no_secret(shop: Shop, control: Control) -> None:
    """After payments of every kind neither keys nor payment methods nor client secrets stand in
    any table in the clear."""
    desk, key = Desk.of(shop), new_key()
    method = await shop.call_stripe("payment_methods", type="card", **{"card[token]": "tok_visa"})
    reference = str(method["id"])
    await shop.charge(reference)
    waiting = await shop.charge("pm_card_authenticationRequired")
    assert waiting.next_action is not None
    await desk.configure(own(key, webhook_secret=WEBHOOK_SECRET))
    await shop.charge("pm_card_mastercard")
    await desk.configure(platform())
    lost = await shop.lose_the_answer("pm_card_amex")
    for event in await shop.gateway_events():
        await shop.receive(read_envelope(json.dumps(event).encode()).payload)
    dump = await dumped(shop)

    assert lost.id in dump
    assert "payment_intent.succeeded" in dump
    for secret in (
        *(key, WEBHOOK_SECRET, reference, "pm_card_", shop.stripe_key),
        str(waiting.next_action.client_secret),
    ):
        assert secret not in dump
        assert secret.encode().hex() not in dump
