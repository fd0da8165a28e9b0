"""What no record of the gateway's word mends: told of until it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from domain.errors import GatewayUnreached, OutcomeUnknown
from domain.ids import Prefix, new_id
from domain.ledger import LedgerAccount, LedgerEntry, LedgerTransaction, Posting
from domain.operation import OperationState
from domain.payment import Payment, PaymentStatus
from domain.reviewing import OperationReview
from tests.integration.domain.calls import refund
from tests.integration.domain.gateways import Desk, new_key, own
from tests.integration.reconciliation.reconciled import Reconciling, labels
from tests.integration.reconciliation.test_repairs import BOOKED_SECONDS, settled
from tests.integration.webhooks.fee_returns import paid
from tests.integration.webhooks.shop import USER, Shop

_PAID = {
    "amount": "10000",
    "currency": "usd",
    "confirm": "true",
    "payment_method": "pm_card_visa",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}


def names(payment_id: str, tenant_id: str) -> Mapping[str, str]:
    """Metadata as Tollgate writes them."""
    return {
        "metadata[tollgate_payment_id]": payment_id,
        "metadata[tollgate_tenant_id]": tenant_id,
    }


async def given_up_wrongly(shop: Shop) -> Payment:
    """A charge that took effect and was declared never performed."""
    payment = await shop.lose_the_answer()
    ((operation_id,),) = await shop.rows("select id from gateway_operations where kind = 'charge'")
    await shop.write(
        "update gateway_operations set state = :state", state=OperationState.MANUAL_REVIEW.value
    )
    review = OperationReview(shop.worker_database, shop.gateway, shop.wake, shop.clock)
    await review.give_up(shop.tenant.id, operation_id, USER, reason="not seen")
    return await shop.now_of(payment)


async def intent_of(shop: Shop, payment: Payment) -> str:
    """The id of the intent that names the payment."""
    for event in await shop.gateway_events("payment_intent.succeeded"):
        found = event["data"]["object"]
        if found["metadata"].get("tollgate_payment_id") == payment.id:
            return str(found["id"])
    raise AssertionError("no such intent")


async def test_money_of_a_payment_that_had_ended(shop: Shop, reconciling: Reconciling) -> None:
    """It is told, also after a repair, which alerts; once it went back, nothing differs."""
    payment = await given_up_wrongly(shop)
    assert payment.status is PaymentStatus.FAILED
    await asyncio.sleep(BOOKED_SECONDS)
    told = await reconciling.look(repair=True)
    alerts = {(rule, subject) for rule, _, subject in await shop.alerts()}
    await shop.call_stripe("refunds", payment_intent=await intent_of(shop, payment))
    gone = await reconciling.labels(after=1_000.0)

    assert labels(told.left) == {"late_money": 1}
    assert told.left[0].theirs == "10000"
    assert ("payment.late_money", payment.id) in alerts
    assert gone == {}


async def test_a_payment_that_nobody_here_knows(shop: Shop, reconciling: Reconciling) -> None:
    """An intent with our metadata and no payment of ours, as after a backup that is too old; one
    that took no money is no loss."""
    lost = await shop.call_stripe(
        "payment_intents", **_PAID, **names(new_id(Prefix.PAYMENT), shop.tenant.id)
    )
    idle = {key: value for key, value in _PAID.items() if key in {"amount", "currency"}}
    await shop.call_stripe(
        "payment_intents", **idle, **names(new_id(Prefix.PAYMENT), shop.tenant.id)
    )
    found = await reconciling.look(repair=True)
    await shop.call_stripe("refunds", payment_intent=str(lost["id"]))
    after = await reconciling.labels(after=1_000.0)

    assert [(each.label.value, each.subject_id) for each in found.left] == [
        ("unknown_payment", lost["id"])
    ]
    assert after == {}


async def test_a_second_intent_of_a_payment(shop: Shop, reconciling: Reconciling) -> None:
    """Two intents that both took money for one payment: a double charge."""
    payment = await settled(shop)
    second = await shop.call_stripe("payment_intents", **_PAID, **names(payment.id, "any"))
    found = await reconciling.look(repair=True)

    assert [(each.label.value, each.subject_id, each.ours) for each in found.left] == [
        ("second_intent", second["id"], payment.id)
    ]


async def test_a_gateway_that_forgot(shop: Shop, reconciling: Reconciling) -> None:
    """What the gateway does not have of a payment of ours is said, and nothing is changed."""
    payment = await settled(shop)
    await shop.control.reset()
    found = await reconciling.look(repair=True)

    assert labels(found.left) == {"missing_at_gateway": 1}
    assert await shop.now_of(payment) == payment


async def test_an_answer_that_cannot_be_read(shop: Shop, reconciling: Reconciling) -> None:
    """One payment that cannot be read is told of, the next is repaired all the same."""
    first, second = await shop.authorize(), await shop.authorize()
    for payment in (first, second):
        await shop.call_stripe(f"payment_intents/{payment.gateway_payment_id}/cancel")
    path = f"/v1/payment_intents/{first.gateway_payment_id}"
    await shop.control.order_fault("garbled", method="GET", path=path, times=None)
    found = await reconciling.look(repair=True)

    assert labels(found.left) == {"unreadable": 1}
    assert labels(found.repaired) == {"missed_end": 1}
    assert (await shop.now_of(first)).status is PaymentStatus.AUTHORIZED
    assert (await shop.now_of(second)).status is PaymentStatus.CANCELED


async def test_an_outage_is_no_difference(shop: Shop, reconciling: Reconciling) -> None:
    """A gateway that answers nothing any more, not even about the account, ends the span; one read
    without an answer is made again."""
    payment = await shop.authorize()
    await shop.call_stripe(f"payment_intents/{payment.gateway_payment_id}/cancel")
    read = {"method": "GET", "path": f"/v1/payment_intents/{payment.gateway_payment_id}"}
    away = await shop.control.order_fault("unavailable", **read, times=None)
    account = await shop.control.order_fault(
        "unavailable", method="GET", path="/v1/account", times=None
    )
    with pytest.raises(GatewayUnreached, match="away"):
        await reconciling.look(repair=True)
    await shop.control.clear_faults(away)
    await shop.control.clear_faults(account)
    await shop.control.order_fault("unavailable", **read)
    found = await reconciling.look(repair=True, after=0.0)

    assert labels(found.repaired) == {"missed_end": 1}
    assert found.left == ()


async def test_books_that_say_too_much(shop: Shop, reconciling: Reconciling) -> None:
    """Money in the books that never moved is found by its sum, though no object differs."""
    shop.books_are_whole = False
    payment = await settled(shop)
    clearing = Posting(LedgerAccount.GATEWAY_CLEARING, -700, "USD", payment.gateway_id)
    payable = Posting(LedgerAccount.MERCHANT_PAYABLE, 700, "USD")
    async with shop.worker_database.begin(shop.tenant.id) as work:
        booked = (await work.ledger.of_payment(shop.tenant.id, payment.id))[0]
        forged = LedgerTransaction(
            id=new_id(Prefix.LEDGER_TRANSACTION),
            tenant_id=shop.tenant.id,
            payment_id=payment.id,
            fact_key="refund:re_forged",
            reason="refund succeeded",
            created_at=booked.created_at,
            entries=tuple(
                LedgerEntry(new_id(Prefix.LEDGER_ENTRY), each) for each in (payable, clearing)
            ),
        )
        await work.ledger.add([forged])
        await work.commit()
    found = await reconciling.look(repair=True)

    (left,) = found.left
    assert (left.label.value, left.ours, left.theirs) == ("balance", "8980 USD", "9680 USD")


async def test_another_amount(shop: Shop, reconciling: Reconciling) -> None:
    """A row that was changed past Tollgate contradicts the gateway, and is left as it is."""
    shop.books_are_whole = False
    payment = await shop.authorize()
    await shop.write(
        "update payments set total_amount_cents = 9000, authorized_amount_cents = 9000,"
        " net_amount_cents = 9000 - platform_fee_cents - gateway_fee_cents"
    )
    found = await reconciling.look(repair=True)

    assert labels(found.left) == {"contradiction": 1}
    assert (await shop.now_of(payment)).status is PaymentStatus.AUTHORIZED


async def test_what_is_under_way_is_not_judged(shop: Shop, reconciling: Reconciling) -> None:
    """A refund asked for a moment ago, of a payment of yesterday, may be lost or not: it is told
    when it is old enough."""
    payment = await settled(shop)
    shop.clock.advance(1_000.0)
    await shop.control.order_fault("drop_after", method="POST", path="/v1/refunds")
    with pytest.raises(OutcomeUnknown):
        await shop.payments.refund(USER, shop.tenant.id, refund(payment, 500))
    early = await reconciling.labels(after=0.0)
    late = await reconciling.labels()

    assert early == {}
    assert late == {"missed_refund": 1}


async def test_a_fee_returned_at_the_dashboard(shop: Shop, reconciling: Reconciling) -> None:
    """A connected account: in step with its fee, until a part of that went back beside us."""
    connected, payment = await paid(shop)
    before = await reconciling.labels()
    assert payment.settlement is not None
    assert payment.settlement.application_fee is not None
    fee_id = payment.settlement.application_fee.id
    returned = await shop.call_stripe(f"application_fees/{fee_id}/refunds", amount="100")
    found = await reconciling.look(repair=True)

    assert connected.account_id
    assert before == {}
    assert [(each.label.value, each.subject_id) for each in found.left] == [
        ("missed_fee_refund", returned["id"])
    ]


async def test_each_account_by_its_own_credentials(shop: Shop, reconciling: Reconciling) -> None:
    """A lost charge through an own account is found there and not at the platform's; of another
    tenant's on the same account nothing is said."""
    desk, key = Desk.of(shop), new_key()
    await desk.configure(own(key))
    payment = await shop.lose_the_answer()
    shop.stripe.headers["Authorization"] = f"Bearer {key}"
    await shop.call_stripe(
        "payment_intents", **_PAID, **names(new_id(Prefix.PAYMENT), new_id(Prefix.TENANT))
    )
    await asyncio.sleep(BOOKED_SECONDS)
    found = await reconciling.look(repair=True)

    assert labels(found.repaired) == {"missed_capture": 1}
    assert found.left == ()
    assert (await shop.now_of(payment)).status is PaymentStatus.PAID
