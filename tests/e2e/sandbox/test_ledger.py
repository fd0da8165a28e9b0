"""The sandbox's ledger: the judge of every later test."""

from tests.e2e.sandbox.api import Api, connected, new_key, refused
from tests.e2e.sandbox.control import Control
from tests.e2e.sandbox.steps import (
    account_id,
    authorized,
    captured_at_once,
    confirmed,
    payment,
)

FACTS = {
    "amount": 2000,
    "amount_captured": 2000,
    "amount_refunded": 500,
    "currency": "usd",
    "status": "succeeded",
    "captured": True,
    "metadata": {"order": "1"},
}


async def test_ledger_tells_what_happened(api: Api, control: Control) -> None:
    """Intents are counted, charges, refunds and disputes shown, the balance is their sum."""
    await api.payment_intents.create(payment())
    intent = await api.payment_intents.create(captured_at_once(metadata={"order": "1"}))
    refund = await api.refunds.create({"payment_intent": intent.id, "amount": 500})
    dispute = await control.dispute(intent.latest_charge, amount=300)

    ledger = await control.ledger(await account_id(api))

    assert ledger["intents"] == 2
    [charge] = ledger["charges"]
    assert (charge["id"], charge["payment_intent"]) == (intent.latest_charge, intent.id)
    assert {name: charge[name] for name in FACTS} == FACTS
    assert [(found["id"], found["amount"]) for found in ledger["refunds"]] == [(refund.id, 500)]
    assert [found["id"] for found in ledger["disputes"]] == [dispute["id"]]
    nets = [transaction["net"] for transaction in ledger["balance_transactions"]]
    assert ledger["balance"] == {"usd": sum(nets)} == {"usd": 1912 - 500 - 300 - 1500}


async def test_ledger_of_all_accounts(api: Api, control: Control) -> None:
    """Without an account the ledger tells of all accounts together, with one only of that."""
    await api.payment_intents.create(captured_at_once())
    async with connected(api.url, api.mode, api.recorder, new_key()) as other:
        await other.payment_intents.create(captured_at_once())

    whole = await control.ledger()
    part = await control.ledger(await account_id(api))

    assert (whole["intents"], part["intents"]) == (2, 1)
    assert (whole["balance"], part["balance"]) == ({"usd": 3824}, {"usd": 1912})


async def test_released_money_never_moved(api: Api, control: Control) -> None:
    """A canceled authorization and a decline leave charges, but neither refunds nor balance."""
    intent = await api.payment_intents.create(authorized())
    await api.payment_intents.cancel(intent.id)
    await refused(api.payment_intents.create(confirmed("pm_card_visa_chargeDeclined")))

    ledger = await control.ledger(await account_id(api))

    assert len(ledger["charges"]) == 2
    assert [charge["amount_captured"] for charge in ledger["charges"]] == [0, 0]
    assert (ledger["refunds"], ledger["balance_transactions"]) == ([], [])
    assert not any(ledger["balance"].values())
