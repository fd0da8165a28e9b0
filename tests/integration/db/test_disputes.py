"""The store of disputes, and what readers ask of them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.cipher import AesGcmCipher
from db.reports import SqlReads
from db.work import SqlDatabase
from domain.dispute import Dispute, DisputeStatus
from domain.errors import NotFound
from domain.payment import DisputeState, Payment
from domain.reports import DisputeFilter, PageRequest, PaymentFilter, TimeRange
from tests.integration.db.builders import NOW
from tests.integration.db.conftest import Merchant
from tests.integration.db.dispute_builders import a_dispute, a_full_dispute
from tests.integration.db.rows import stored_capture


async def stored(database: SqlDatabase, *disputes: Dispute) -> None:
    """Commits the disputes."""
    async with database.begin(disputes[0].tenant_id) as work:
        for dispute in disputes:
            await work.disputes.add(dispute)
        await work.commit()


async def test_a_dispute_comes_back_as_it_was(database: SqlDatabase, merchant: Merchant) -> None:
    """With every field set and with none, found by the gateway's id and with its payment."""
    payment = await stored_capture(database, merchant)
    bare, full = a_dispute(payment), a_full_dispute(payment)
    await stored(database, bare, full)

    async with database.begin(merchant.id) as work:
        oldest_first = sorted((bare, full), key=lambda dispute: dispute.id)
        assert await work.disputes.of_payment(merchant.id, payment.id) == oldest_first
        found = await work.disputes.find_by_gateway_id(merchant.id, full.gateway_dispute_id)
        assert found == full
        assert await work.disputes.find_by_gateway_id(merchant.id, "du_unknown") is None


async def test_a_saved_dispute_is_the_new_one(database: SqlDatabase, merchant: Merchant) -> None:
    """All columns are written, those that become null too."""
    payment = await stored_capture(database, merchant)
    full = a_full_dispute(payment)
    bare = replace(a_dispute(payment), id=full.id, gateway_dispute_id=full.gateway_dispute_id)
    await stored(database, full)
    async with database.begin(merchant.id) as work:
        await work.disputes.save(bare)

        assert await work.disputes.of_payment(merchant.id, payment.id) == [bare]


async def test_another_tenants_dispute_is_not_there(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """Neither found nor saved under another tenant, whatever ids are known."""
    payment = await stored_capture(database, merchant)
    dispute = a_full_dispute(payment)
    await stored(database, dispute)
    async with database.begin(rival.id) as work:
        theirs = work.disputes
        assert await theirs.find_by_gateway_id(rival.id, dispute.gateway_dispute_id) is None
        assert await theirs.of_payment(rival.id, payment.id) == []
        with pytest.raises(NotFound):
            await theirs.save(replace(dispute, tenant_id=rival.id))


async def test_the_gateways_id_is_there_once(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """One row for each dispute of a tenant; another tenant's account may know the same id."""
    payment, other = (
        await stored_capture(database, merchant),
        await stored_capture(database, rival),
    )
    dispute = a_dispute(payment)
    gateway_id = dispute.gateway_dispute_id
    await stored(database, dispute)
    await stored(database, replace(a_dispute(other), gateway_dispute_id=gateway_id))
    with pytest.raises(IntegrityError):
        await stored(database, replace(a_dispute(payment), gateway_dispute_id=gateway_id))


@pytest.fixture
def reads(engine: AsyncEngine, cipher: AesGcmCipher) -> SqlReads:
    """What the API reads."""
    return SqlReads(engine, cipher)


async def three(database: SqlDatabase, payment: Payment) -> list[Dispute]:
    """An inquiry, a chargeback due in a day and one due in a week; newest first."""
    inquiry, soon, late = (a_dispute(payment) for _ in range(3))
    soon = replace(
        soon, status=DisputeStatus.NEEDS_RESPONSE, evidence_due_at=NOW + timedelta(days=1)
    )
    late = replace(late, status=DisputeStatus.UNDER_REVIEW, evidence_due_at=NOW + timedelta(days=7))
    made = sorted((inquiry, soon, late), key=lambda dispute: dispute.id, reverse=True)
    await stored(database, *made)
    return made


async def test_disputes_are_filtered(
    database: SqlDatabase, reads: SqlReads, merchant: Merchant
) -> None:
    """By status, by when evidence is due, by payment; all conditions hold together."""
    payment, other = (
        await stored_capture(database, merchant),
        await stored_capture(database, merchant),
    )
    made = await three(database, payment)
    elsewhere = a_full_dispute(other)
    await stored(database, elsewhere)
    by_status = {dispute.status: dispute.id for dispute in made}
    soon = TimeRange(gte=NOW, lt=NOW + timedelta(days=2))
    wanted = {
        DisputeFilter(): {dispute.id for dispute in (*made, elsewhere)},
        DisputeFilter(payment_id=payment.id): set(by_status.values()),
        DisputeFilter(status_in=(DisputeStatus.INQUIRY, DisputeStatus.WON)): {
            by_status[DisputeStatus.INQUIRY],
            elsewhere.id,
        },
        DisputeFilter(evidence_due_at=soon): {by_status[DisputeStatus.NEEDS_RESPONSE]},
        DisputeFilter(evidence_due_at=soon, status_in=(DisputeStatus.INQUIRY,)): set(),
    }

    for where, ids in wanted.items():
        page = await reads.dispute_page(merchant.id, where, PageRequest(limit=10))
        assert {dispute.id for dispute in page.items} == ids, where
        assert await reads.dispute_count(merchant.id, where) == len(ids)


async def test_disputes_are_paged(
    database: SqlDatabase, reads: SqlReads, merchant: Merchant
) -> None:
    """Newest first, forwards and backwards, each once."""
    made = await three(database, await stored_capture(database, merchant))
    where = DisputeFilter()
    first = await reads.dispute_page(merchant.id, where, PageRequest(limit=2))
    rest = await reads.dispute_page(merchant.id, where, PageRequest(limit=2, after=made[1].id))
    last = await reads.dispute_page(merchant.id, where, PageRequest(limit=1, backwards=True))

    assert [*first.items, *rest.items] == made
    assert (first.has_next, rest.has_next, rest.has_previous) == (True, False, True)
    assert list(last.items) == made[-1:]
    assert await reads.disputes(merchant.id, [made[0].id, "dp_x"]) == {made[0].id: made[0]}


async def test_payments_with_an_open_dispute(
    database: SqlDatabase, reads: SqlReads, merchant: Merchant
) -> None:
    """Found by the index of those, without them the rest."""
    calm, disputed = (
        await stored_capture(database, merchant),
        await stored_capture(database, merchant),
    )
    async with database.begin(merchant.id) as work:
        await work.payments.save(replace(disputed, dispute_status=DisputeState.OPEN))
        await work.commit()

    for is_disputed, expected in ((True, disputed), (False, calm)):
        where = PaymentFilter(is_disputed=is_disputed)
        page = await reads.payment_page(merchant.id, where, PageRequest(limit=10))
        assert [payment.id for payment in page.items] == [expected.id]
