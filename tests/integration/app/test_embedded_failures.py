"""The embedded services: what they say when a port, a disk, an account or a binary fails."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.embedded.account import NOBODY, Account
from app.embedded.child import start_child
from app.embedded.error import EmbeddedError
from app.embedded.folders import open_data_folder, state_folder
from tests.integration.app import instance
from tests.integration.app.instance import service

KINDS = ("postgres", "valkey")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.mark.parametrize("kind", KINDS)
def test_two_instances_cannot_share_a_folder(kind: str, data_folder: Path) -> None:
    """The second instance on a folder says that the folder is in use."""
    with (
        service(kind, data_folder),
        pytest.raises(EmbeddedError, match="in use by another running instance"),
        service(kind, data_folder),
    ):
        pass


@pytest.mark.parametrize("kind", KINDS)
def test_a_taken_port_is_named(kind: str, data_folder: Path) -> None:
    """A chosen port that somebody listens on is an error that names it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with (
            pytest.raises(EmbeddedError, match=rf"port {port} on 127\.0\.0\.1 is taken"),
            service(kind, data_folder, port=port),
        ):
            pass


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_that_cannot_be_made_is_named(kind: str, data_folder: Path) -> None:
    """A data folder below a plain file is an error that names the folder, for root too."""
    (data_folder / "file").write_text("")
    with (
        pytest.raises(EmbeddedError, match=r"the folder .*file/data cannot be made"),
        service(kind, data_folder / "file" / "data"),
    ):
        pass


def test_an_unwritable_folder_is_named(data_folder: Path) -> None:
    """A folder that takes no file is an error that names the folder and the system's reason."""
    (data_folder / "lock").mkdir()
    with pytest.raises(EmbeddedError, match=rf"cannot be written: {os.strerror(errno.EISDIR)}"):
        open_data_folder(data_folder, None)


def test_a_secret_that_cannot_be_written_is_named(data_folder: Path) -> None:
    """A disk that refuses one file is an error that names it, and no half-made data is left."""
    (data_folder / "password").mkdir()
    (data_folder / "password" / "blocked").mkdir()
    with (
        pytest.raises(EmbeddedError, match=r"password cannot be written"),
        service("postgres", data_folder),
    ):
        pass
    assert not (data_folder / "cluster").exists()


@as_root
def test_a_full_disk_is_named(data_folder: Path) -> None:
    """A disk too small for the data is an error with the system's words."""
    mount = f"mount -t tmpfs -o size=4m,mode=0711 tmpfs {data_folder}"
    unshare = ["/usr/bin/unshare", "--mount", "/bin/sh", "-c"]
    tried = subprocess.run(  # noqa: S603 - our own command
        [*unshare, mount], capture_output=True, check=False
    )
    if tried.returncode != 0:
        pytest.skip("this machine lets root mount nothing")
    start = f"{mount} && exec {sys.executable} {instance.__file__} postgres {data_folder}"
    done = subprocess.run(  # noqa: S603 - our own command
        [*unshare, start], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "EmbeddedError: PostgreSQL's data cannot be made" in done.stderr
    assert os.strerror(errno.ENOSPC) in done.stderr


@pytest.mark.parametrize(
    ("kind", "variable"), [("postgres", "DATABASE_URL"), ("valkey", "REDIS_URL")]
)
def test_a_missing_binary_is_named(kind: str, variable: str, data_folder: Path) -> None:
    """A package without its binary is an error that names the file and the way around."""
    with pytest.raises(EmbeddedError, match=rf"is missing or cannot be run.*{variable}"):
        instance.SERVICES[kind](data_folder, packages=data_folder).start()


@as_root
def test_a_closed_data_folder_is_named(data_folder: Path) -> None:
    """Root's data under a 0700 folder is refused before anything is written there."""
    closed = data_folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedError, match="cannot enter"), service("postgres", closed / "data"):
        pass


@as_root
def test_state_of_a_closed_checkout_lies_in_the_temp_folder(
    data_folder: Path,
) -> None:
    """A checkout under a 0700 folder keeps its state elsewhere, the same place each time."""
    closed = data_folder / "home"
    (closed / "tollgate").mkdir(parents=True)
    closed.chmod(0o700)
    account = Account(NOBODY)
    first = state_folder(closed / "tollgate", account)
    assert first == state_folder(closed / "tollgate", account)
    assert not first.is_relative_to(closed)
    assert state_folder(data_folder, account) == data_folder / ".tollgate"


def test_a_program_that_cannot_run_says_so(data_folder: Path) -> None:
    """A launch that fails leaves the system's words in the log."""
    log = data_folder / "log"
    child = start_child("nothing", ["/nonexistent/program"], environment={}, log=log)
    child.process.wait(10)
    assert "cannot start /nonexistent/program" in child.log_text()
