"""The demonstration as a person meets it: a command, what it prints, its exit code."""

import http.client
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest_asyncio

from tests.conftest import ROOT, execute, migrate, on_database
from tests.integration.app.test_embedded import ended

TIME_LIMIT_SECONDS = 120.0
README = ROOT / "README.md"
# COLUMNS too: readline, once imported by the test runner, hands it to the runner's own children.
SWITCHES = ("DATABASE_URL", "REDIS_URL", "STRIPE_API_BASE", "TOLLGATE_ENV", "COLUMNS")
QUIET = {name: value for name, value in os.environ.items() if name not in SWITCHES}
LEDGER = (
    "ledger: sandbox and Tollgate agree to the cent: captured 480.00, refunded 80.00, "
    "gateway fees 15.72; balance 384.28 = net 377.18 + platform fees 7.10"
)
ROWS = """\
fee quote, Starter QUOTE 100.00 3.00 ~3.20 93.80
fee quote, Professional QUOTE 100.00 1.50 ~3.20 95.30
fee quote, Enterprise QUOTE 100.00 0.50 ~3.20 96.30
authorize, capture, Starter PAID 100.00 3.00 3.20 93.80 0.00
charge, Professional PAID 100.00 1.50 3.20 95.30 0.00
charge, Enterprise PAID 100.00 0.50 3.20 96.30 0.00
charge, declined, Starter FAILED 40.00 0.00 0.00 0.00 0.00
same order, other card, Starter PAID 40.00 1.20 1.46 37.34 0.00
charge, 3-D Secure, Professional PAID 60.00 0.90 2.04 57.06 0.00
charge, partial refund, Starter PAID 80.00 1.50 2.62 45.88 30.00
then the rest refunded, Starter PAID 80.00 0.00 2.62 -2.62 80.00
authorize, cancel, Enterprise CANCELED 25.00 0.00 0.00 0.00 0.00
"""


@dataclass(frozen=True, slots=True)
class Served:
    """A demonstration that stays up: its process, and all that it printed."""

    process: "subprocess.Popen[str]"
    said: str

    def url(self, name: str) -> str:
        """The URL on the line that begins with this name."""
        found = re.search(rf"^{name} +(http://\S+)", self.said, re.MULTILINE)
        assert found, self.said
        return found[1]


def command(*arguments: str) -> list[str]:
    """The command line of the demonstration."""
    return [sys.executable, "-m", "app.demo", *arguments]


def demonstrate(folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run it to its end."""
    return subprocess.run(  # noqa: S603 - our own command
        command("--folder", str(folder)),
        cwd=ROOT,
        env=QUIET | environment,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_SECONDS,
        check=False,
    )


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Run it with --serve until it says that it serves; what is left of it is killed at the end."""
    with subprocess.Popen(  # noqa: S603 - our own command
        command("--serve", "--folder", str(folder)),
        cwd=ROOT,
        env=QUIET,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("serving"):
                    break
            yield Served(process, "".join(said))
        finally:
            process.kill()


def children(pid: int) -> list[int]:
    """The pids of a process's children."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in lists for child in file.read_text().split()]


@pytest_asyncio.fixture
async def dearer_database_url(postgres: str) -> AsyncIterator[str]:
    """A database whose Starter tier takes 3.01 % in place of 3.00 %."""
    name = f"dearer_{secrets.token_hex(6)}"
    await execute(postgres, f"create database {name}")
    url = on_database(postgres, name)
    migrate(url)
    await execute(url, "update platform_fee_tiers set basis_points = 301 where level = 1")
    yield url
    await execute(postgres, f"drop database {name} with (force)")


def test_the_demo_shows_the_main_job_and_serves_it(data_folder: Path) -> None:
    """Every figure comes out, the printed lines work as printed, no other run may share the data,
    SIGTERM ends all of it, and a later run on the same data shows the same."""
    with serving(data_folder) as served:
        check_table(served.said)
        check_curl_lines(served.said)
        check_urls(served)
        check_first_mutation(served)
        check_that_no_other_shares(data_folder)
        pids = children(served.process.pid)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(30) == 0
    assert len(pids) == 5
    assert all(ended(pid) for pid in pids)

    again = demonstrate(data_folder)
    assert again.returncode == 0, again.stderr
    check_table(again.stdout)


def check_table(said: str) -> None:
    """The table has every row, the webhooks all came, and the ledger agrees."""
    rows = [" ".join(line.split()) for line in said.splitlines()]
    for row in ROWS.splitlines():
        found = [line for line in rows if line.startswith(row)]
        assert len(found) == 1, f"{row} in:\n{said}"
        webhooks = found[0].removeprefix(row).split()
        if "QUOTE" in row or "partial" in row:
            assert webhooks == []
        else:
            assert int(webhooks[0]) > 0
            assert webhooks[0] == webhooks[1]
    summary = r"webhooks: (\d+) events at the sandbox, \1 delivered, \1 received, \1 processed"
    assert re.search(summary, said), said
    assert LEDGER in rows
    assert "every figure is right" in rows


def check_curl_lines(said: str) -> None:
    """The four lines, run as they are printed, make an order, charge, read and refund it."""
    lines = [line for line in said.splitlines() if "curl -sS" in line]
    assert len(lines) == 4
    answers = run_in_bash("\n".join(lines)).splitlines()
    created, charged, read, refunded = (json.loads(answer) for answer in answers)
    assert created["data"]["createOrder"]["order"]["status"] == "OPEN"
    assert charged["data"]["chargePayment"]["payment"]["status"] == "PAID"
    assert read["data"]["payment"]["platformFee"]["formatted"] == "$3.00"
    assert refunded["data"]["refundPayment"]["refund"]["status"] == "SUCCEEDED"
    # 2.25 of the fee and 3.20 of the gateway's are gone from what is left of 100.00.
    assert refunded["data"]["refundPayment"]["payment"]["netAmount"]["formatted"] == "$69.55"


def check_urls(served: Served) -> None:
    """What the printed addresses and tokens name is there."""
    assert get(served.url("webhook health")) == 200
    assert get(f"{served.url('sandbox')}/_sandbox/health") == 200
    assert ask("GET", served.url("GraphiQL"), "", {"Accept": "text/html"})[0] == 200
    tokens = re.findall(r"^  (\w+) +([A-Z]+) +(ey\S+)$", served.said, re.MULTILINE)
    assert len({(tier, role) for tier, role, _ in tokens}) == len(tokens) == 15
    for _, role, token in tokens:
        assert viewer_roles(served.url("GraphQL"), token) == [role]


def check_first_mutation(served: Served) -> None:
    """The curl line of the README opens an order, and run again answers that it is the same."""
    [lines] = re.findall(
        r"^    curl -sS \$API .*?\n\n", README.read_text(), re.MULTILINE | re.DOTALL
    )
    [token] = re.findall(r"^  Starter +OPERATOR +(\S+)$", served.said, re.MULTILINE)
    variables = {"API": served.url("GraphQL"), "TOKEN": token}
    first, again = (json.loads(run_in_bash(lines, **variables)) for _ in range(2))
    assert not first["data"]["createOrder"]["replayed"]
    assert again["data"]["createOrder"] == first["data"]["createOrder"] | {"replayed": True}


def run_in_bash(lines: str, **environment: str) -> str:
    """What these lines of shell print, standard error included."""
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run(  # noqa: S603 - the lines under test
        [bash, "-eu", "-c", lines],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def check_that_no_other_shares(folder: Path) -> None:
    """Another run on data in use ends with 2 and one line that says so."""
    done = demonstrate(folder)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "is in use by another running instance" in done.stderr


def get(url: str) -> int:
    """The status of a GET."""
    return ask("GET", url, "", {})[0]


def viewer_roles(url: str, token: str) -> object:
    """What the API says that this token may do."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    _, body = ask("POST", url, json.dumps({"query": "{ viewer { roles } }"}), headers)
    return json.loads(body)["data"]["viewer"]["roles"]


def ask(method: str, url: str, body: str, headers: dict[str, str]) -> tuple[int, str]:
    """Status and body of a request."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request(method, parts.path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_the_demo_names_a_wrong_figure(
    data_folder: Path, dearer_database_url: str, valkey: str
) -> None:
    """With a tier that is dearer than it should be it ends with 1 and says which figures differ."""
    done = demonstrate(data_folder, DATABASE_URL=dearer_database_url, REDIS_URL=valkey)
    assert done.returncode == 1, done.stderr
    wrong = [line for line in done.stdout.splitlines() if line.startswith("WRONG: ")]
    assert "WRONG: fee quote, Starter: platform fee is 3.01, not 3.00" in wrong
    assert "WRONG: fee quote, Starter: net is 93.79, not 93.80" in wrong
    assert all(", Starter: " in line for line in wrong)
    assert "every figure is right" not in done.stdout


def test_the_demo_says_in_one_line_why_it_cannot_start(data_folder: Path) -> None:
    """In production nothing embedded starts: it ends with 2 and one line, without a trace."""
    done = demonstrate(data_folder, TOLLGATE_ENV="production")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "TOLLGATE_ENV is production" in done.stderr
