"""Disputes: opened, won, lost, inquiries."""

from typing import Any

from tests.e2e.sandbox.api import Api, refused
from tests.e2e.sandbox.control import Control, eventually
from tests.e2e.sandbox.steps import account_id, captured_at_once, event_types


async def _disputed(api: Api, control: Control, card: str = "pm_card_createDispute") -> Any:
    """The dispute that this card opens by itself after the charge."""
    intent = await api.payment_intents.create(captured_at_once(card))
    assert intent.status == "succeeded"
    await control.advance(60)

    async def disputes() -> Any:
        return (await api.disputes.list({"payment_intent": intent.id})).data

    found = await eventually(disputes, bool)
    assert found[0].charge == intent.latest_charge
    return found[0]


async def test_opened_dispute_takes_the_money(api: Api, control: Control) -> None:
    """A dispute withdraws the amount and a fee of 15.00 and blocks refunds."""
    dispute = await _disputed(api, control)

    assert (dispute.status, dispute.reason) == ("needs_response", "fraudulent")
    assert (dispute.amount, dispute.currency) == (2000, "usd")
    assert dispute.is_charge_refundable is False
    assert dispute.evidence_details.due_by > dispute.created
    [transaction] = dispute.balance_transactions
    assert (transaction.type, transaction.reporting_category) == ("adjustment", "dispute")
    assert (transaction.amount, transaction.fee, transaction.net) == (-2000, 1500, -3500)
    assert (await api.charges.retrieve(dispute.charge)).disputed is True
    types = await event_types(api)
    assert {"charge.dispute.created", "charge.dispute.funds_withdrawn"} <= set(types)
    assert (await control.ledger(await account_id(api)))["balance"] == {"usd": 1912 - 3500}


async def test_disputed_charge_is_not_refunded(api: Api, control: Control) -> None:
    """An open chargeback blocks refunds with charge_disputed."""
    dispute = await _disputed(api, control)

    refusal = await refused(api.refunds.create({"charge": dispute.charge}))

    assert refusal.facts[:3] == (400, "invalid_request_error", "charge_disputed")


async def test_dispute_won(api: Api, control: Control) -> None:
    """A won dispute closes and gives the amount back in a second balance transaction."""
    dispute = await _disputed(api, control)

    await control.decide(dispute.id, "under_review")
    assert (await api.disputes.retrieve(dispute.id)).status == "under_review"
    await control.decide(dispute.id, "won")

    dispute = await api.disputes.retrieve(dispute.id)
    assert dispute.status == "won"
    assert sorted(part.amount for part in dispute.balance_transactions) == [-2000, 2000]
    types = await event_types(api)
    assert {
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    } <= set(types)
    nets = [part.net for part in dispute.balance_transactions]
    ledger = await control.ledger(await account_id(api))
    assert ledger["balance"] == {"usd": 1912 + sum(nets)}


async def test_dispute_lost(api: Api, control: Control) -> None:
    """A lost dispute closes and moves no further money."""
    dispute = await _disputed(api, control)

    await control.decide(dispute.id, "lost")

    dispute = await api.disputes.retrieve(dispute.id)
    assert (dispute.status, len(dispute.balance_transactions)) == ("lost", 1)
    types = await event_types(api)
    assert "charge.dispute.closed" in types
    assert "charge.dispute.funds_reinstated" not in types


async def test_dispute_given_up(api: Api, control: Control) -> None:
    """Closing a dispute dismisses it: it is lost, and it cannot be closed again."""
    dispute = await _disputed(api, control)

    closed = await api.disputes.close(dispute.id)

    assert closed.status == "lost"
    refusal = await refused(api.disputes.close(dispute.id))
    assert refusal.facts[:2] == (400, "invalid_request_error")


async def test_evidence_decides(api: Api, control: Control) -> None:
    """Submitted test evidence decides: winning_evidence wins, losing_evidence loses."""
    winning = await _disputed(api, control)
    losing = await _disputed(api, control)
    for dispute, text in ((winning, "winning_evidence"), (losing, "losing_evidence")):
        sent = await api.disputes.update(
            dispute.id, {"evidence": {"uncategorized_text": text}, "submit": True}
        )
        assert sent.evidence.uncategorized_text == text
        assert sent.evidence_details.submission_count == 1

    await control.advance(86400)

    async def statuses() -> list[str]:
        return [(await api.disputes.retrieve(found.id)).status for found in (winning, losing)]

    await eventually(statuses, lambda seen: seen == ["won", "lost"])


async def test_evidence_is_staged(api: Api, control: Control) -> None:
    """Evidence with submit=false is kept and sends nothing."""
    dispute = await _disputed(api, control)

    staged = await api.disputes.update(
        dispute.id, {"evidence": {"customer_name": "Jenny Rosen"}, "submit": False}
    )

    assert (staged.status, staged.evidence.customer_name) == ("needs_response", "Jenny Rosen")
    assert staged.evidence_details.has_evidence is True
    assert staged.evidence_details.submission_count == 0


async def test_inquiry_moves_no_money(api: Api, control: Control) -> None:
    """An inquiry withdraws nothing and leaves the charge refundable."""
    inquiry = await _disputed(api, control, "pm_card_createDisputeInquiry")

    assert inquiry.status == "warning_needs_response"
    assert inquiry.is_charge_refundable is True
    assert inquiry.balance_transactions == []
    assert "charge.dispute.funds_withdrawn" not in await event_types(api)
    refund = await api.refunds.create({"charge": inquiry.charge, "amount": 100})
    assert refund.status == "succeeded"


async def test_inquiry_closes(api: Api, control: Control) -> None:
    """An inquiry goes through review to warning_closed without money."""
    inquiry = await _disputed(api, control, "pm_card_createDisputeInquiry")

    await control.decide(inquiry.id, "warning_under_review")
    await control.decide(inquiry.id, "warning_closed")

    inquiry = await api.disputes.retrieve(inquiry.id)
    assert (inquiry.status, inquiry.balance_transactions) == ("warning_closed", [])
    assert "charge.dispute.closed" in await event_types(api)


async def test_partial_dispute_by_order(api: Api, control: Control) -> None:
    """The control route opens a dispute of a part, with a reason, on any charge."""
    intent = await api.payment_intents.create(captured_at_once())

    opened = await control.dispute(intent.latest_charge, amount=700, reason="product_not_received")

    dispute = await api.disputes.retrieve(opened["id"])
    assert (dispute.amount, dispute.reason) == (700, "product_not_received")
    assert [part.amount for part in dispute.balance_transactions] == [-700]
    assert dispute.payment_intent == intent.id


async def test_prevented_dispute(api: Api, control: Control) -> None:
    """A prevented dispute is shown as such."""
    intent = await api.payment_intents.create(captured_at_once())
    opened = await control.dispute(intent.latest_charge)

    await control.decide(opened["id"], "prevented")

    assert (await api.disputes.retrieve(opened["id"])).status == "prevented"
