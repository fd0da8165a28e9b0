"""A production site on this machine, set up by the commands of the operator's pages.

The paths, hosts and Stripe's address that the document names are put elsewhere; nothing else is
changed. `TOLLGATE_ENV` is production, with a test key and the sandbox in the place of Stripe.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shlex
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import asyncpg

from app.embedded.account import give, service_account
from app.embedded.binaries import postgres_binaries
from app.embedded.child import Child, start_child
from app.embedded.folders import reachable_folder
from app.embedded.ports import LOOPBACK, free_port
from app.embedded.postgres import EmbeddedPostgres
from app.embedded.sandbox import EmbeddedSandbox
from app.embedded.valkey import EmbeddedValkey
from app.settings import Settings, load_settings
from app.stack import WORKER_READY
from app.stack_http import is_healthy
from tests.conftest import execute
from tests.proofs.document import ROOT, WEBHOOKS, blocks, exec_start, variables

START_SECONDS = 60.0
PASSWORDS = ("OWNER_PASSWORD", "SERVICE_PASSWORD", "BACKUP_PASSWORD")
SECRET_OF = {"STRIPE_SECRET_KEY": "sk_test_proofproofproof"}


class Site:
    """PostgreSQL, Valkey and the sandbox, the files of /etc/tollgate, API and worker."""

    def __init__(self, *, durable: bool = True) -> None:
        self._durable = durable
        base = reachable_folder(service_account())
        self.folder = Path(tempfile.mkdtemp(prefix="proof-", dir=base))
        self.folder.chmod(0o711)
        self._running = ExitStack()
        self._running.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self._processes: dict[str, Child] = {}
        self._clusters: dict[str, EmbeddedPostgres] = {}
        self._blocks = {**blocks(), **blocks(WEBHOOKS)}
        self._passwords = {name: secrets.token_hex(12) for name in PASSWORDS}
        self.port = free_port()
        self.postgres_url = self.redis_url = self.stripe_url = ""

    def __enter__(self) -> Self:
        for name in ("etc/secrets", "backup", "logs"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "archive").mkdir(mode=0o711)
        give(self.folder / "archive", service_account())
        return self

    def start_services(self) -> None:
        """Start Valkey and the sandbox."""
        valkey = EmbeddedValkey(self.folder / "valkey", durable=False)
        self.redis_url = self._running.enter_context(valkey)
        sandbox = EmbeddedSandbox(self.folder / "logs")
        self.stripe_url = sandbox.start()
        self._running.callback(sandbox.stop)

    def __exit__(self, *_: object) -> None:
        self.stop_processes()
        for name in list(self._clusters):
            self.stop_postgres(name)
        self._running.close()

    def start_postgres(self, name: str) -> None:
        """Start the cluster of this name, made empty unless it is there, and turn to it."""
        cluster = EmbeddedPostgres(self.folder / name, durable=self._durable)
        self.postgres_url = cluster.start()
        self._clusters[name] = cluster

    def stop_postgres(self, name: str) -> None:
        """Stop the cluster of this name."""
        self._clusters.pop(name).stop()

    def url(self, login: str, database: str = "tollgate") -> str:
        """A URL of the present cluster for a login of the document, or for its superuser."""
        parts = urlsplit(self.postgres_url)
        if login == "superuser":
            return parts._replace(path=f"/{database}").geturl()
        host = f"tollgate_{login}:{self.password(login)}@{LOOPBACK}:{parts.port}"
        return parts._replace(netloc=host, path=f"/{database}").geturl()

    def password(self, login: str) -> str:
        """The password of a login of the document."""
        return self._passwords[f"{login.upper()}_PASSWORD"]

    @property
    def environment(self) -> dict[str, str]:
        """What the shell of an operator holds: the programs of PostgreSQL, and URLs."""
        path = f"{postgres_binaries(service_account())}:{ROOT / '.venv' / 'bin'}:{os.defpath}"
        urls = {"ADMIN_URL": self.url("superuser", "postgres"), "PGCONNECT_TIMEOUT": "5"}
        logins = {f"{login.upper()}_URL": self.url(login) for login in ("owner", "backup")}
        keys = {"ADMIN_KEY": SECRET_OF["STRIPE_SECRET_KEY"]}
        return {"PATH": path, "LC_ALL": "C.UTF-8"} | self._passwords | urls | logins | keys

    def text(self, name: str) -> str:
        """A block of the document, with the places of this site."""
        found = self._blocks[name]
        for written, here in (
            ("/opt/tollgate", str(ROOT)),
            ("/etc/tollgate", str(self.folder / "etc")),
            ("/var/backups/tollgate", str(self.folder / "backup")),
            ("/var/lib/postgresql/archive", str(self.folder / "archive")),
            ("https://api.stripe.com", self.stripe_url),
            ("https://pay.example.com", f"http://{LOOPBACK}:{self.port}"),
        ):
            found = found.replace(written, here)
        return found

    def run(self, name: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a block of commands as a shell does; `more` goes into its environment."""
        return self.shell(self.text(name), **more)

    def shell(self, commands: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run commands, each of which must succeed for the next one to run."""
        return subprocess.run(  # noqa: S603 - our own commands
            ["/bin/bash", "-euo", "pipefail", "-c", commands],
            env=self.environment | more,
            cwd=self.folder / "backup",
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def done(self, name: str, **more: str) -> str:
        """Run a block that must succeed; what it printed."""
        ran = self.run(name, **more)
        assert ran.returncode == 0, f"{name} ended with {ran.returncode}: {ran.stderr}{ran.stdout}"
        return ran.stdout

    def write_roles(self) -> None:
        """The file that the document calls roles.sql."""
        (self.folder / "backup" / "roles.sql").write_text(self.text("roles.sql"))

    def drop_first_database(self) -> None:
        """An embedded cluster has a database of the name that the document makes; it goes."""
        asyncio.run(execute(self.url("superuser", "postgres"), "DROP DATABASE tollgate"))

    def write_secrets(self) -> None:
        """The files of /etc/tollgate/secrets: the random ones by the document's commands, the
        others as an operator would paste them."""
        self.done("secrets")
        signing = secrets.token_urlsafe(48)
        given = {
            "redis_url": self.redis_url,
            "stripe_secret_key": SECRET_OF["STRIPE_SECRET_KEY"],
            "jwt_keys": f'[{{"kid": "proof", "alg": "HS256", "key": "{signing}"}}]',
        }
        for name, text in given.items():
            (self.folder / "etc" / "secrets" / name).write_text(text)
        self.write_database_urls()
        lines = [f"{name}={value}" for name, value in self.service_environment().items()]
        (self.folder / "etc" / "tollgate.env").write_text("\n".join(lines))

    def write_database_urls(self) -> None:
        """Where the present cluster is, for the service and for the owner."""
        for name, login in (("database_url", "service"), ("owner_url", "owner")):
            (self.folder / "etc" / "secrets" / name).write_text(self.url(login))

    def put_first(self, name: str, fresh: str) -> None:
        """Put a new secret in front of those that its file holds."""
        path = self.folder / "etc" / "secrets" / name
        path.write_text(f"{fresh},{path.read_text()}")

    def change_password(self, login: str) -> None:
        """Give a login another password in the database; the files still hold the old one."""
        fresh = secrets.token_hex(12)
        self.done("password", NEW_PASSWORD=fresh)
        self._passwords[f"{login.upper()}_PASSWORD"] = fresh

    def service_environment(self) -> dict[str, str]:
        """The environment file of the document, on this site: no issuer's JWKS, but a key."""
        found = dict(variables(self.text("tollgate.env")))
        del found["TOLLGATE_JWKS_URL"]
        found["TOLLGATE_JWT_KEYS_FILE"] = str(self.folder / "etc" / "secrets" / "jwt_keys")
        found["TOLLGATE_PORT"] = str(self.port)
        return found

    def settings(self) -> Settings:
        """What API and worker are told."""
        return load_settings(self.service_environment())

    def start_processes(self) -> None:
        """Start API and worker by the commands of the units and wait until they are ready."""
        api = self._start("api", "tollgate-api@.service")
        worker = self._start("worker", "tollgate-worker.service")
        base = f"http://{LOOPBACK}:{self.port}"
        end = time.monotonic() + START_SECONDS
        while not (is_healthy(f"{base}/readyz") and WORKER_READY in worker.log.read_text()):
            for child in (api, worker):
                assert not child.has_ended(), f"{child.name} ended: {child.log_text()}"
            assert time.monotonic() < end, f"not ready: {api.log_text()} {worker.log_text()}"
            time.sleep(0.1)

    def stop_process(self, name: str) -> None:
        """Stop the API or the worker as systemd does, with SIGTERM."""
        self._processes.pop(name).stop(grace_seconds=45)

    def start_worker(self) -> None:
        """Start the worker alone."""
        self._start("worker", "tollgate-worker.service")

    def stop_processes(self) -> None:
        """Stop API and worker."""
        for name in list(self._processes):
            self.stop_process(name)

    def _start(self, name: str, unit: str) -> Child:
        command = exec_start(self.text(unit)).replace("%i", str(self.port))
        child = start_child(
            name,
            shlex.split(command),
            environment={"PATH": os.defpath, "PYTHONUNBUFFERED": "1"} | self.service_environment(),
            log=self.folder / "logs" / f"{name}.log",
        )
        self._processes[name] = child
        return child


def rows(url: str, query: str, *values: object) -> list[tuple[object, ...]]:
    """The rows that a query finds."""

    async def asked() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(query, *values)]
        finally:
            await connection.close()

    return asyncio.run(asked())
