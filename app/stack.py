"""Everything at once, for the demo and the end-to-end tests: servers, sandbox, API and worker.

All of it are children of this process on free ports of 127.0.0.1. `DATABASE_URL`, `REDIS_URL`
and `STRIPE_API_BASE` put a real server in the place of each embedded one.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from app.embedded.account import service_account
from app.embedded.child import Child, start_child
from app.embedded.error import EmbeddedError
from app.embedded.folders import make_folder, state_folder
from app.embedded.ports import LOOPBACK
from app.embedded.postgres import EmbeddedPostgres
from app.embedded.sandbox import EmbeddedSandbox
from app.embedded.valkey import EmbeddedValkey
from app.environment import SECRETS
from app.settings import Settings
from app.stack_http import is_healthy, register_webhook_endpoint
from app.stack_secrets import stack_secrets
from domain.gateways.stripe_calls import API_VERSION

CHECKOUT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0
WEBHOOK_PATH = "/api/webhooks/stripe"
WORKER_READY = "worker ready"
_BACKLOG = 2048
_POLL_SECONDS = 0.05


def _silent(_line: str) -> None:
    """Say nothing."""


class Stack:
    """A whole Tollgate on this machine. Start it from the main thread."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        durable: bool = True,
        given: Mapping[str, str] | None = None,
        say: Callable[[str], None] = _silent,
    ) -> None:
        """Prepare; nothing is touched before `start`.

        Args:
            folder: where data, logs and made-up secrets lie; `.tollgate` of the checkout, or one
                in the temp folder when the embedded services' account cannot enter that.
            durable: False gives up the safety of the data for speed, for tests.
            given: the variables that stand; those of this process unless told otherwise.
            say: hears one line a step.
        """
        self._folder = folder
        self._durable = durable
        self._given = dict(os.environ if given is None else given)
        self._say = say
        self._running = ExitStack()
        self.environment: dict[str, str] = {}
        """The variables of API and worker; `load_settings(stack.environment)` reads them."""

    @property
    def database_url(self) -> str:
        """Where PostgreSQL is."""
        return self.environment["DATABASE_URL"]

    @property
    def redis_url(self) -> str:
        """Where Valkey is."""
        return self.environment["REDIS_URL"]

    @property
    def stripe_api_base(self) -> str:
        """Where the sandbox is."""
        return self.environment["STRIPE_API_BASE"]

    @property
    def stripe_secret_key(self) -> str:
        """The platform's key at the sandbox."""
        return self.environment["STRIPE_SECRET_KEY"]

    @property
    def api_url(self) -> str:
        """Where the API is."""
        return self.environment["TOLLGATE_PUBLIC_URL"]

    @property
    def log_dir(self) -> Path:
        """The folder of the children's logs."""
        return self.folder / "logs"

    @property
    def folder(self) -> Path:
        """Where data, logs and made-up secrets lie."""
        if self._folder is None:
            self._folder = state_folder(CHECKOUT, service_account())
            if not self._folder.is_relative_to(CHECKOUT):
                self._say(f"data lies in {self._folder}: the checkout is closed to other users")
        return self._folder

    def start(self) -> Self:
        """Bring everything up, in order, and wait until it is healthy.

        Raises:
            EmbeddedError: a part failed; its message says which and where its log is. What had
                started is stopped.
        """
        try:
            self.start_services()
            self.migrate()
            self.start_processes()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop what runs, last started first, and wait for each. Harmless when nothing runs."""
        self._running.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start_services(self) -> None:
        """Start PostgreSQL, Valkey and the sandbox, or take those that are given.

        Raises:
            EmbeddedError: one failed, or this is production, which has no embedded parts.
        """
        if self._given.get("TOLLGATE_ENV") == "production":
            raise EmbeddedError("embedded services are for development: TOLLGATE_ENV is production")
        make_folder(self.log_dir, 0o711)
        self.environment = self._inherited() | stack_secrets(self.folder)
        self.environment |= {"TOLLGATE_ENV": "development"}
        folder, durable = self.folder, self._durable
        postgres = EmbeddedPostgres(folder / "postgres", durable=durable)
        valkey = EmbeddedValkey(folder / "valkey", durable=durable)
        sandbox = EmbeddedSandbox(self.log_dir)
        self._provide("DATABASE_URL", "PostgreSQL", postgres.start, postgres.stop)
        self._provide("REDIS_URL", "Valkey", valkey.start, valkey.stop)
        self._provide("STRIPE_API_BASE", "the sandbox", sandbox.start, sandbox.stop)
        for name in sorted(set(self._given) & (_NAMES - {"TOLLGATE_ENV"})):
            self.environment[name] = self._given[name]

    def migrate(self) -> None:
        """Bring the database's tables up to date.

        Raises:
            EmbeddedError: a migration failed.
        """
        self._say("applying migrations")
        done = subprocess.run(  # noqa: S603 - our own command
            [
                sys.executable,
                "-m",
                "alembic",
                "-c",
                str(CHECKOUT / "alembic.ini"),
                "upgrade",
                "head",
            ],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise EmbeddedError(f"the migrations failed: {done.stdout.strip()[-2000:]}")

    def start_processes(self) -> None:
        """Register the webhook endpoints, then start API and worker and wait for their health.

        Raises:
            EmbeddedError: one failed.
        """
        with socket.create_server((LOOPBACK, self._api_port()), backlog=_BACKLOG) as listener:
            port = listener.getsockname()[1]
            self.environment |= {"TOLLGATE_HOST": LOOPBACK, "TOLLGATE_PORT": str(port)}
            self.environment |= {"TOLLGATE_PUBLIC_URL": f"http://{LOOPBACK}:{port}"}
            self._register()
            fd = listener.fileno()
            api = self._process("api", "serve", "--fd", str(fd), pass_fds=(fd,))
        worker = self._process("worker", "worker")
        self._wait("the API", api, lambda: is_healthy(f"{self.api_url}/livez"))
        self._wait("the worker", worker, lambda: WORKER_READY in worker.log.read_text())
        self._say(f"the API listens on {self.api_url}")

    def _api_port(self) -> int:
        """The port that is given, else 0: the kernel's choice, held from here on."""
        return int(self._given.get("TOLLGATE_PORT") or 0)

    def _inherited(self) -> dict[str, str]:
        """This process's variables without those that the stack sets or that name secrets."""
        ours = _NAMES | {f"{name}_FILE" for name in SECRETS}
        return {name: value for name, value in os.environ.items() if name not in ours}

    def _provide(
        self, variable: str, name: str, start: Callable[[], str], stop: Callable[[], None]
    ) -> None:
        if url := self._given.get(variable):
            self._say(f"using {name} of {variable}")
        else:
            self._say(f"starting {name}")
            url = start()
            self._running.callback(stop)
        self.environment[variable] = url

    def _register(self) -> None:
        """Get the webhook secrets from the sandbox, unless they are given."""
        for variable, connect in (
            ("STRIPE_WEBHOOK_SECRET", False),
            ("STRIPE_CONNECT_WEBHOOK_SECRET", True),
        ):
            if not self._given.get(variable):
                self.environment[variable] = register_webhook_endpoint(
                    self.stripe_api_base,
                    secret_key=self.stripe_secret_key,
                    url=f"{self.api_url}{WEBHOOK_PATH}",
                    api_version=API_VERSION,
                    connect=connect,
                )

    def _process(self, name: str, *arguments: str, pass_fds: tuple[int, ...] = ()) -> Child:
        self._say(f"starting the {name}")
        child = start_child(
            f"the {name}",
            [sys.executable, "-m", "app", *arguments],
            environment=self.environment | {"PYTHONUNBUFFERED": "1"},
            log=self.log_dir / f"{name}.log",
            pass_fds=pass_fds,
        )
        self._running.callback(child.stop)
        return child

    def _wait(self, name: str, child: Child, is_ready: Callable[[], bool]) -> None:
        end = time.monotonic() + START_SECONDS
        while not is_ready():
            if child.has_ended() or time.monotonic() > end:
                raise EmbeddedError(f"{name} did not start ({child.log}): {child.log_text()}")
            time.sleep(_POLL_SECONDS)


_NAMES = frozenset(str(field.validation_alias) for field in Settings.model_fields.values())
