"""docs/deployment.md carried out: backups made and restored, and what is true afterwards.

python -m tests.proofs.restore
"""

from __future__ import annotations

import asyncio
import re
import shutil

from redis import Redis

from app.embedded.account import give, service_account
from app.keys import CredentialKey
from tests.conftest import execute
from tests.e2e.graphql.merchant import eventually
from tests.proofs.drill import OPEN_STATES, REFUNDED, Drill, after_the_backup, before_the_backup
from tests.proofs.shop import (
    intents,
    merchant,
    register_endpoint,
    seed,
    send_again,
    status,
)
from tests.proofs.site import Site, rows
from tests.proofs.state import catalog, check_same, contents, readable, verified
from tests.proofs.steps import Steps

ARCHIVED = "SELECT last_archived_wal FROM pg_stat_archiver"
WAITING = "SELECT count(*) FROM webhook_events WHERE status IN ('RECEIVED', 'PROCESSING')"
OF_PAYMENT = "SELECT count(*) FROM webhook_events WHERE payment_id = $1 AND status = 'PROCESSED'"


def main() -> None:
    """Every step, in the order of the document."""
    steps = Steps(13)
    with Site() as site:
        steps.step("a site with an archive; payments, two of them with lost answers")
        drill = set_up(site)
        before_the_backup(site, drill)
        steps.step("a dump and a base backup")
        back_up(site, steps)
        steps.step("after the backup: a capture, a refund, a payment; then the end of that server")
        after_the_backup(site, drill)
        archive_the_rest(site)
        steps.step("a dump without the roles")
        site.start_postgres("second")
        refuse_without_roles(site, steps)
        steps.step("the dump, with the roles")
        restore_dump(site, drill, steps)
        steps.step("the dump, as another owner")
        check_other_owner(site, drill, steps)
        steps.step("credentials and requests, with the keys and without")
        check_keys(site, steps)
        steps.step("API and worker on it; what was open is settled")
        check_settled(site, drill, steps)
        steps.step("the events since the backup, sent again, twice")
        check_events(site, drill, steps)
        steps.step("Valkey emptied, and a payment")
        check_without_valkey(site, drill, steps)
        steps.step("what callers would do who repeat what the backup does not know")
        check_repeated(site, drill, steps)
        steps.step("base backup and archive, to a moment before the last payment")
        restore_to_moment(site, drill, steps)
        steps.step("base backup and archive, all of it")
        restore_all(site, drill, steps)
    steps.end()


def set_up(site: Site) -> Drill:
    """A running site with the sample tenants, whose PostgreSQL archives."""
    site.start_services()
    site.start_postgres("first")
    site.drop_first_database()
    site.write_roles()
    site.done("roles")
    site.done("archive")
    site.stop_postgres("first")
    site.start_postgres("first")
    site.done("migrate")
    site.write_secrets()
    register_endpoint(site, connect=False)
    register_endpoint(site, connect=True)
    tenants = seed(site)
    site.start_processes()
    return Drill(merchant(site, tenants["Acme"]))


def back_up(site: Site, steps: Steps) -> None:
    """Both backups by the document's commands; the owner's own dump fails."""
    refused = site.run("dump", BACKUP_URL=site.url("owner"))
    assert refused.returncode != 0
    assert "row-level security" in refused.stderr, refused.stderr
    steps.found("as the owner: refused by row-level security")
    site.done("dump")
    site.done("base-backup")
    steps.found("as tollgate_backup: made, and the base backup is verified")


def archive_the_rest(site: Site) -> None:
    """The last segment goes to the archive, as it does within a minute; the server goes."""
    url = site.url("superuser")
    [(segment,)] = rows(url, "SELECT pg_walfile_name(pg_switch_wal())")
    eventually(lambda: str(rows(url, ARCHIVED)[0][0]) >= str(segment), seconds=60)
    site.stop_postgres("first")


def refuse_without_roles(site: Site, steps: Steps) -> None:
    """The restore stops and nothing is there."""
    refused = site.run("restore-dump", OWNER_URL=site.url("superuser"))
    assert refused.returncode != 0
    assert 'role "tollgate_' in refused.stderr, refused.stderr
    assert contents(site.url("superuser")) == []
    steps.found("stopped, with no table restored")


def restore_dump(site: Site, drill: Drill, steps: Steps) -> None:
    """Rows, policies, grants and owners are those of the backup, and the audit's chain is whole."""
    site.drop_first_database()
    site.done("roles")
    site.done("restore-dump")
    check_same(contents(site.url("superuser")), drill.at_backup)
    check_same(catalog(site.url("superuser")), drill.catalog)
    site.write_database_urls()
    steps.found(f"{len(drill.at_backup)} tables equal, {len(drill.catalog)} entries of the catalog")
    verdicts = asyncio.run(verified(site.url("owner"), site.settings(), drill.noted))
    assert [fault for verdict in verdicts for fault in verdict.faults] == []
    assert any(verdict.end for verdict in verdicts)
    steps.found("the audit's chains are whole, up to the ends that were noted")


def check_other_owner(site: Site, drill: Drill, steps: Steps) -> None:
    """Restored under another name the function that routes events finds no tenant."""
    intent = "(SELECT gateway_payment_id FROM payments WHERE id = $1)"
    routed = f"SELECT tenant_of_platform_payment('STRIPE', {intent}, NULL, NULL)"
    assert rows(site.url("superuser"), routed, drill.paid) == [(drill.shop.tenant_id,)]
    for statement in (
        "CREATE ROLE another LOGIN PASSWORD 'another'",
        "CREATE DATABASE another OWNER another",
    ):
        asyncio.run(execute(site.url("superuser", "postgres"), statement))
    url = site.url("owner", "another").replace("tollgate_owner", "another")
    url = url.replace(site.password("owner"), "another")
    done = site.shell(f"{site.text('restore-dump').splitlines()[0]} --no-owner", OWNER_URL=url)
    assert done.returncode == 0, done.stderr
    assert rows(site.url("superuser", "another"), routed, drill.paid) == [(None,)]
    asyncio.run(execute(site.url("superuser", "postgres"), "DROP DATABASE another"))
    steps.found("its events would find no tenant")


def check_keys(site: Site, steps: Steps) -> None:
    """The keys that were kept decrypt every request; others decrypt none."""
    found = rows(site.url("superuser"), "SELECT tenant_id, id FROM gateway_operations")
    operations = [(str(tenant), str(operation)) for tenant, operation in found]
    settings = site.settings()
    url = site.url("owner")
    assert asyncio.run(readable(url, settings, operations)) == len(operations)
    others = settings.model_copy(update={"credential_keys": (CredentialKey("k1", b"0" * 32),)})
    assert asyncio.run(readable(url, others, operations)) == 0
    steps.found(f"{len(operations)} requests decrypt with the keys that were kept, 0 with others")


def check_settled(site: Site, drill: Drill, steps: Steps) -> None:
    """Each charge whose answer was lost becomes PAID, with one intent at the gateway."""
    assert len(rows(site.url("superuser"), OPEN_STATES)) == 2
    site.start_processes()
    drill.again(site)
    for payment_id, order_id in drill.lost:
        drill.becomes(payment_id, ("PAID", 0), seconds=90)
        assert len(intents(site, [order_id])) == 1
    steps.found("both are PAID, and the gateway has one intent for each")


def check_events(site: Site, drill: Drill, steps: Steps) -> None:
    """Captures and refunds come right; a payment that the backup has not stays unknown."""
    assert status(drill.shop, drill.held) == ("AUTHORIZED", 0)
    assert status(drill.shop, drill.paid) == ("PAID", 0)
    for _ in range(2):
        count = send_again(site, drill.backup_at)
        eventually(lambda: rows(site.url("superuser"), WAITING) == [(0,)], seconds=45)
        drill.becomes(drill.held, ("PAID", 0))
        drill.becomes(drill.paid, ("PAID", REFUNDED))
    steps.found(f"{count} events: the capture and the refund are there, once")
    unknown = re.findall(r"Payment (\w+) is not known here", site.done("not-known"))
    assert set(unknown) == {drill.orphan}
    steps.found(f"{drill.orphan} is not, and the document's command names it")


def check_without_valkey(site: Site, drill: Drill, steps: Steps) -> None:
    """Nothing that matters was in Valkey."""
    with Redis.from_url(site.redis_url) as redis:
        redis.flushall()
    payment_id = drill.shop.paid("chargePayment")
    eventually(
        lambda: int(str(rows(site.url("superuser"), OF_PAYMENT, payment_id)[0][0])) >= 2, seconds=45
    )
    steps.found("PAID, and its events are worked off")


def check_repeated(site: Site, drill: Drill, steps: Steps) -> None:
    """The same keys again: a second charge and a second refund. That is why callers wait outside
    until an operator has gone through what Stripe knows."""
    payment_id, order_id = drill.charge_orphan()
    assert payment_id != drill.orphan
    assert len(intents(site, [order_id])) == 1
    steps.found("the charge, repeated under its key, is made a second time")
    drill.refund()
    assert status(drill.shop, drill.paid) == ("PAID", 2 * REFUNDED)
    steps.found("so is the refund")
    site.stop_processes()
    site.stop_postgres("second")


def restore_to_moment(site: Site, drill: Drill, steps: Steps) -> None:
    """What was committed before is there, what came after is not."""
    assert drill.restore_to is not None
    start_from_base(site, "third", drill.restore_to.isoformat())
    url = site.url("superuser")
    found = rows(url, "SELECT id, payment_status FROM payments")
    assert (drill.held, "PAID") in found
    assert drill.orphan not in [payment_id for payment_id, _ in found]
    site.stop_postgres("third")
    steps.found("the capture before it is there, the payment after it is not")


def restore_all(site: Site, drill: Drill, steps: Steps) -> None:
    """Every row that the lost server had, and a payment on it."""
    start_from_base(site, "fourth", None)
    check_same(contents(site.url("superuser")), drill.at_end)
    steps.found("every row is as it was at the end")
    site.write_database_urls()
    site.start_processes()
    drill.again(site)
    payment_id = drill.shop.paid("chargePayment")
    steps.found(f"{payment_id} is PAID")


def start_from_base(site: Site, name: str, until: str | None) -> None:
    """A cluster from the base backup, by the document's commands."""
    folder = site.folder / name
    folder.mkdir(mode=0o711)
    cluster = folder / "cluster"
    shutil.copytree(site.folder / "backup" / "base", cluster)
    shutil.copy(site.folder / "first" / "password", folder / "password")
    commands = site.text("restore-point")
    if until is None:
        commands = re.sub(r"^recovery_target.*\n", "", commands, flags=re.M)
    done = site.shell(commands, PGDATA=str(cluster), RESTORE_TO=until or "")
    assert done.returncode == 0, done.stderr
    cluster.chmod(0o700)
    for path in (folder / "password", cluster, *cluster.rglob("*")):
        give(path, service_account())
    site.start_postgres(name)


if __name__ == "__main__":
    main()
