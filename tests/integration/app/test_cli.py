"""The command line, as a person or a deployment calls it."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import load_database_url
from tests.conftest import ROOT
from tests.integration.app.in_process import run
from tests.unit.app.test_settings import DEVELOPMENT


def tollgate(
    *arguments: str, environ: dict[str, str], given: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run a command with exactly these variables, and this on standard input."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "app", *arguments],
        env=environ,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", ["serve", "worker", "seed", "token revoke"])
def test_a_command_names_every_fault_of_its_settings(command: str) -> None:
    """A command without its settings ends with code 2 and the list of what is missing."""
    done = tollgate(*command.split(), environ={})
    assert done.returncode == 2
    assert "8 settings are missing or wrong:" in done.stderr
    assert "DATABASE_URL: missing" in done.stderr
    assert "Traceback" not in done.stderr


def test_migrate_needs_the_database_only(empty_database_url: str, tmp_path: Path) -> None:
    """`tollgate migrate` takes the URL, here from a file, and may run again."""
    (tmp_path / "url").write_text(empty_database_url)
    for _ in range(2):
        done = tollgate("migrate", environ={"DATABASE_URL_FILE": str(tmp_path / "url")})
        assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_migrate_without_a_database_says_so() -> None:
    """`tollgate migrate` names the one variable that it needs."""
    done = tollgate("migrate", environ={})
    assert done.returncode == 2
    assert done.stderr == "1 setting is missing or wrong:\n  DATABASE_URL: missing\n"


def test_the_database_url_is_read_alone(tmp_path: Path) -> None:
    """The URL is read whether or not the other settings are complete."""
    url = "postgresql://tollgate@db.internal/tollgate"
    (tmp_path / "url").write_text(url)
    assert load_database_url({"DATABASE_URL": url}) == url
    assert load_database_url({"DATABASE_URL_FILE": str(tmp_path / "url")}) == url
    assert load_database_url(DEVELOPMENT) == DEVELOPMENT["DATABASE_URL"]


def test_seed_prints_the_tenants(database_url: str) -> None:
    """`tollgate seed` makes the tenants once and prints their ids, the same at a second run."""
    environ = DEVELOPMENT | {"DATABASE_URL": database_url}
    first, second = (tollgate("seed", environ=environ) for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert len(first.stdout.splitlines()) == 3
    assert first.stdout == second.stdout


def test_the_printed_schema_is_the_one_checked_in() -> None:
    """`tollgate schema export` needs no settings and prints schema/schema.graphql."""
    done = tollgate("schema", "export", environ={})
    assert done.stdout == (ROOT / "schema" / "schema.graphql").read_text(), done.stderr


def test_the_printed_roles_are_those_checked_in() -> None:
    """`tollgate schema roles` needs no settings and prints docs/roles.md."""
    done = run("schema", "roles", environ={})
    assert done.out == (ROOT / "docs" / "roles.md").read_text(), done.err


def test_sandbox_listens() -> None:
    """`tollgate sandbox` needs no settings and says where it listens."""
    with subprocess.Popen(
        [sys.executable, "-m", "app", "sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("sandbox listening on http://127.0.0.1:")
        process.terminate()
