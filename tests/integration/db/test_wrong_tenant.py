"""Each method of each store, called with the wrong tenant, finds nothing and changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.audit_reads import SqlAuditReads
from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.inbox_reads import SqlInboxReads
from db.ledger_reads import SqlLedgerReads
from db.metric_reads import SqlMetricReads
from db.reports import SqlReads
from db.roles import DatabaseRole
from db.transactions import RolledBack
from db.work import SqlDatabase
from domain.errors import NotFound
from domain.gateway_profile import AccountTaken
from domain.ports import ReferenceTaken, StaleWrite
from tests.integration.db.conftest import Merchant
from tests.integration.db.foreign_calls import OF_NO_TENANT, Call, calls, sql_classes, stores
from tests.integration.db.world import World, digests, stored_world

REFUSALS = (NotFound, StaleWrite, ReferenceTaken, AccountTaken, RolledBack)

REFUSED = frozenset({"42501", "23503", "23505"})
"""SQLSTATEs with which PostgreSQL refuses a row: insufficient_privilege, foreign_key_violation,
unique_violation. Any other error is a fault of the test or of the store."""

ACROSS = {
    "cursors.claim": "a walk goes over the accounts of every tenant",
    "cursors.known": "an event has no tenant until it is routed",
    "inbox.claim": "an event has no tenant until it is routed",
    "inbox.claim_due": "an event has no tenant until it is routed",
    "inbox.find": "an event has no tenant until it is routed",
    "inbox.end": "an event has no tenant until it is routed",
    "inbox.add_attempt": "an attempt is of its event, which has no tenant until it is routed",
    "operations.claim": "the worker claims for every tenant",
    "operations.claim_due": "the worker claims for every tenant",
    "payers.tenant_ids": "a payer may be any tenant's",
    "retention.empty_payloads": "the daily loop is every tenant's",
    "seals.tenant_ids": "the sealer goes from tenant to tenant",
    "tenants.gateway_by_account": "an event names an account, and that leads to the tenant",
    "tenants.gateway_by_id": "an event names a gateway row, and that leads to the tenant",
}
"""What row-level security alone keeps to a tenant, with the reason why no condition does."""

OF_EVERYBODY = {
    "reconciliations.platform_rows": "who is paid through the platform's account, for the worker",
    "reconciliations.under_way": "an account is reconciled for every tenant, by the worker",
    "reconciliations.replace": "a row that is about a gateway row, of which no tenant may read",
}
"""What is not kept to a tenant at all, with the reason why it need not be."""

Worlds = tuple[World, World]


@pytest_asyncio.fixture
async def worlds(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant, rival: Merchant
) -> Worlds:
    """Our tenant and the other one, with one object of each kind."""
    return (
        await stored_world(database, engine, merchant),
        await stored_world(database, engine, rival),
    )


@pytest_asyncio.fixture(params=[DatabaseRole.API, DatabaseRole.WORKER])
async def acting(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[AsyncEngine]:
    """A pool in the role of a process."""
    engine = make_engine(database_url, pool_size=2, role=request.param)
    yield engine
    await engine.dispose()


def shown(found: object) -> str:
    """All that an answer holds, as text."""
    return repr(found)


async def called(store: object, call: Call) -> object:
    """What the call finds; None where it is refused."""
    try:
        return await getattr(store, call.method)(**call.arguments)
    except REFUSALS:
        return None
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in REFUSED:
            raise
        return None


async def attempted(database: SqlDatabase, call: Call, tenant_id: str, *, keep: bool) -> object:
    """What the call finds in a transaction of that tenant, committed if asked to and possible."""
    try:
        async with database.begin(tenant_id) as work:
            found = await called(stores(work)[call.store], call)
            if keep:
                await work.commit()
    except REFUSALS:
        return None
    return found


async def every_call(database: SqlDatabase, theirs: World, named: str) -> Sequence[Call]:
    """The calls of every method of every store of a transaction, in the name of `named`."""
    async with database.begin(theirs.id) as work:
        of = {name: type(store) for name, store in stores(work).items()}
    return [call for name, kind in of.items() for call in calls(name, kind, theirs, named=named)]


async def test_every_store_is_called(database: SqlDatabase) -> None:
    """No class that speaks SQL is forgotten below."""
    async with database.begin("ten_any") as work:
        kinds = [kind for store in stores(work).values() for kind in type(store).__mro__]
    reached = {kind.__name__ for kind in kinds if kind.__name__.startswith("Sql")}

    readers = {"SqlReads", "SqlAuditReads", "SqlInboxReads", "SqlLedgerReads", "SqlMetricReads"}
    assert sql_classes() == reached | OF_NO_TENANT | readers


async def test_a_wrong_tenant_finds_nothing(
    acting: AsyncEngine,
    cipher: AesGcmCipher,
    engine: AsyncEngine,
    database: SqlDatabase,
    worlds: Worlds,
) -> None:
    """Row-level security: under A, nothing of B is found or changed by a call in the name of B,
    nor by one in the name of A with all else of B."""
    ours, theirs = worlds
    under_test = SqlDatabase(acting, cipher)
    before = await digests(engine, theirs.id)
    made = 0
    for named in (theirs.id, ours.id):
        for call in await every_call(database, theirs, named):
            if call.name in OF_EVERYBODY:
                continue
            keep = named == theirs.id or not adds(call)
            found = shown(await attempted(under_test, call, ours.id, keep=keep))
            # A claim of a key tells the one that was there: nothing, or that of our own tenant.
            assert not any(name in found for name in set(theirs.texts) - {named}), (
                call.name,
                found,
            )
            made += 1

    assert await digests(engine, theirs.id) == before
    assert made > 80


def adds(call: Call) -> bool:
    """Whether the call stores an object that it is given. Under our own tenant it may bear the
    other's id: keys lead with the tenant. It is rolled back, so that nobody finds it later."""
    return call.method in {"add", "append", "append_all", "claim", "open", "record"}


async def test_the_conditions_hold_without_it(
    database: SqlDatabase, engine: AsyncEngine, worlds: Worlds
) -> None:
    """As the owner, who sees every row, a call in the name of A changes nothing of B: the
    statements themselves name the tenant."""
    ours, theirs = worlds
    before = await digests(engine, theirs.id)
    for call in await every_call(database, theirs, ours.id):
        if call.name in {*ACROSS, *OF_EVERYBODY}:
            continue
        found = shown(await attempted(database, call, ours.id, keep=not adds(call)))
        assert not any(name in found for name in theirs.texts), (call.name, found)

    assert await digests(engine, theirs.id) == before


@pytest.mark.parametrize("role", [None, DatabaseRole.API])
async def test_reads_find_nothing(
    database_url: str,
    cipher: AesGcmCipher,
    engine: AsyncEngine,
    worlds: Worlds,
    role: DatabaseRole | None,
) -> None:
    """Every read with the other tenant's ids, by its conditions alone and in the API's role."""
    ours, theirs = worlds
    reader = make_engine(database_url, pool_size=2, role=role)
    all_reads = {
        "reads": SqlReads(reader, cipher),
        "audit": SqlAuditReads(reader),
        "inbox": SqlInboxReads(reader),
        "books": SqlLedgerReads(reader, reader),
        "metrics": SqlMetricReads(reader),
    }
    made = [
        call
        for name, reads in all_reads.items()
        for call in calls(name, type(reads), theirs, named=ours.id)
    ]
    for call in made:
        found = shown(await called(all_reads[call.store], call))
        assert not any(name in found for name in theirs.texts), (call.name, found)
        if call.method.endswith("_count") and len(call.arguments) > 1:
            asks_for_theirs = any(name in shown(call.arguments) for name in theirs.texts)
            assert found == "0" or not asks_for_theirs, (call.name, call.arguments, found)
    await reader.dispose()

    assert len(made) > 100
