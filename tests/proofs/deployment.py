"""docs/deployment.md carried out: an empty server, its roles, its migrations, a payment, an end.

python -m tests.proofs.deployment
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import subprocess

import asyncpg

from db.roles import DatabaseRole
from tests.conftest import alembic, execute
from tests.e2e.graphql.merchant import Merchant, eventually
from tests.proofs.shop import (
    all_events_processed,
    merchant,
    register_endpoint,
    seed,
    status,
)
from tests.proofs.site import Site, rows
from tests.proofs.state import Rows, readable
from tests.proofs.steps import Steps

LOGIN = """
SELECT rolsuper, rolbypassrls, rolinherit, pg_has_role(session_user, $1, 'SET'),
    pg_has_role(session_user, $1, 'USAGE')
FROM pg_roles WHERE rolname = session_user
"""
FIT = (False, False, True, True, False)
"""A login that is bound by row-level security, may take the role, and has no right of it before."""
ORDER = "query ($id: ID!) { order(by: {id: $id}) { id } }"
LOGINS = """
SELECT rolname, rolsuper, rolcreaterole FROM pg_roles
WHERE rolname LIKE 'tollgate\\_%' AND rolcanlogin ORDER BY rolname
"""


def main() -> None:
    """Every step, in the order of the document."""
    steps = Steps(8)
    with Site() as site:
        steps.step("an empty PostgreSQL, and the document's roles on it")
        make_database(site, steps)
        steps.step("migrations, as an owner that is no superuser")
        site.done("migrate")
        check_logins(site, steps)
        steps.step("a migration that does not get its lock")
        check_lock(site, steps)
        steps.step("secrets, environment, webhook endpoints")
        site.start_services()
        site.write_secrets()
        register_endpoint(site, connect=False)
        register_endpoint(site, connect=True)
        steps.found(f"production: {site.settings().is_production}")
        steps.step("API and worker by the commands of the units, and a payment")
        shop = check_payment(site, steps)
        steps.step("keys, webhook secret and the database's password changed, one restart")
        check_rotation(site, shop, steps)
        steps.step("what the service's login may do without its role")
        asyncio.run(check_closed(site, steps))
        steps.step("a tenant switched off")
        check_switched_off(site, shop, steps)
    steps.end()


def make_database(site: Site, steps: Steps) -> None:
    """roles.sql on an empty cluster."""
    site.start_postgres("first")
    site.drop_first_database()
    site.write_roles()
    site.done("roles")
    logins = rows(site.url("superuser"), LOGINS)
    assert [login[1:] for login in logins] == [(False, False)] * 3, logins
    steps.found(f"logins: {', '.join(str(login[0]) for login in logins)}; no superuser among them")


def check_logins(site: Site, steps: Steps) -> None:
    """The service's login is fit to serve under each of the roles."""
    for role in DatabaseRole:
        assert rows(site.url("service"), LOGIN, role.value) == [FIT]
    steps.found("the service may take each of the three roles, and nothing is wrong with it")


def check_lock(site: Site, steps: Steps) -> None:
    """It gives up after 5 s, leaves everything as it was, and succeeds when run again."""
    url = site.url("owner")
    gone_back = alembic(url, "downgrade", "0005")
    assert gone_back.returncode == 0, gone_back.stderr
    ran, before, after = asyncio.run(migrate_behind_a_reader(site))
    assert ran.returncode == 1, ran.stderr
    assert "lock timeout" in ran.stderr, ran.stderr[-500:]
    assert before == after == [("0005",)]
    steps.found("ended with 1 after the lock's time, and nothing of it was kept")
    site.done("migrate")
    assert rows(url, "SELECT version_num FROM alembic_version") != before
    steps.found("run again, it went through")


async def migrate_behind_a_reader(
    site: Site,
) -> tuple[subprocess.CompletedProcess[str], Rows, Rows]:
    """A migration while a transaction reads the orders, as a dump does."""
    version = "SELECT version_num FROM alembic_version"
    reader = await asyncpg.connect(site.url("owner"))
    try:
        before = [tuple(row) for row in await reader.fetch(version)]
        async with reader.transaction():
            await reader.execute("LOCK TABLE orders IN ACCESS SHARE MODE")
            ran = await asyncio.to_thread(site.run, "migrate")
        after = [tuple(row) for row in await reader.fetch(version)]
    finally:
        await reader.close()
    return ran, before, after


def check_payment(site: Site, steps: Steps) -> Merchant:
    """A charge of 100.00 on the Starter tier, and its events worked off."""
    tenants = seed(site)
    site.start_processes()
    shop = merchant(site, tenants["Acme"])
    payment_id = shop.paid("chargePayment")
    assert status(shop, payment_id) == ("PAID", 0)
    all_events_processed(site, count=3)
    steps.found(f"{payment_id} is PAID, and every event that came is worked off")
    return shop


def check_rotation(site: Site, shop: Merchant, steps: Steps) -> None:
    """New values in front of the old ones: what was made with the old is still read and taken."""
    token = shop.checkout_token(order_id := shop.order())
    site.change_password("service")
    shop.paid("chargePayment")
    steps.found("with the new password set, open connections live on")
    for name, fresh in (
        ("webhook_secret", "whsec_new"),
        ("credential_keys", f"k2:{random_key()}"),
        ("checkout_keys", f"c2:{random_key()}"),
    ):
        site.put_first(name, fresh)
    all_events_processed(site, count=5)
    site.stop_processes()
    site.write_database_urls()
    site.start_processes()
    check_old_values(site, shop, token, order_id)
    steps.found("after it the old checkout token, stored requests and signatures still count")
    site.done("rotate")
    asyncio.run(check_moved(site))
    steps.found("keys rotate, by the service's login, left nothing under the old key")


def check_old_values(site: Site, shop: Merchant, token: str, order_id: str) -> None:
    """A token of the old key is admitted, a request under the old key decrypts, an event signed
    with the old secret comes in."""
    [(before,)] = rows(site.url("superuser"), "SELECT count(*) FROM webhook_events")
    assert isinstance(before, int)
    asked = shop.ask(ORDER, token=token, id=order_id).json
    assert asked["data"]["order"] == {"id": order_id}, asked
    found = rows(site.url("superuser"), "SELECT tenant_id, id FROM gateway_operations")
    operations = [(str(tenant), str(operation)) for tenant, operation in found]
    count = asyncio.run(readable(site.url("owner"), site.settings(), operations))
    assert count == len(operations) > 0
    shop.paid("chargePayment")
    all_events_processed(site, count=before + 2)


async def check_moved(site: Site) -> None:
    """Every stored request names the new key in front of its ciphertext."""
    connection = await asyncpg.connect(site.url("superuser"))
    try:
        found = await connection.fetch(
            "SELECT DISTINCT substr(request, 2, 2) FROM gateway_operations"
        )
    finally:
        await connection.close()
    assert [bytes(row[0]) for row in found] == [b"k2"], found


def random_key() -> str:
    """32 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


async def check_closed(site: Site, steps: Steps) -> None:
    """A connection that lost its role on the way, as a pooler may do to it, can do nothing."""
    connection = await asyncpg.connect(site.url("service"))
    try:
        for table in ("payments", "tenants", "tenant_payment_gateways"):
            with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
                found = await connection.fetch(f"SELECT * FROM {table}")  # noqa: S608 - of ours
                raise AssertionError(f"{table} was shown: {len(found)} rows")
        await connection.execute("SET ROLE tollgate_api")
        assert await connection.fetch("SELECT * FROM payments") == []
    finally:
        await connection.close()
    steps.found("without a role: permission denied; with one and no tenant: no row")


def check_switched_off(site: Site, shop: Merchant, steps: Steps) -> None:
    """Within 5 s its callers are refused, and it is let in again when switched on."""
    document = "{ viewer { __typename } }"
    site.done("tenant-off")
    eventually(lambda: "errors" in shop.ask(document).json, seconds=5)
    assert shop.ask(document).codes in (["FORBIDDEN"], ["UNAUTHENTICATED"])
    steps.found("its callers are refused within 5 s")
    asyncio.run(execute(site.url("owner"), "UPDATE tenants SET is_active = true"))
    eventually(lambda: "errors" not in shop.ask(document).json, seconds=6)
    assert "(0 rows)" in site.done("alerts")


if __name__ == "__main__":
    main()
