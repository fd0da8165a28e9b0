"""Fixtures of the tests of the running parts."""

import shutil
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

import app.embedded
from app.embedded.account import NOBODY
from app.embedded.binaries import POSTGRES_PACKAGE, VALKEY_PACKAGE
from tests.integration.app import instance


@pytest.fixture(scope="session")
def public_site(work_folder: Path) -> Path:
    """The embedded services' code and packages in a folder that every user can read."""
    site = work_folder / "site"
    packages = Path(asyncpg.__file__).parent.parent
    for name in (POSTGRES_PACKAGE, f"{POSTGRES_PACKAGE}.libs", VALKEY_PACKAGE):
        if (packages / name).is_dir():
            shutil.copytree(packages / name, site / name)
    code = Path(app.embedded.__file__).parent
    shutil.copytree(code, site / "app" / "embedded", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(instance.__file__, site)
    subprocess.run(["/bin/chmod", "-R", "u=rwX,go=rX", str(site)], check=True)  # noqa: S603
    return site


@pytest.fixture(scope="session")
def public_python(work_folder: Path) -> str:
    """A Python of at least 3.11 that every user can run."""
    question = "import sys; sys.exit(sys.version_info < (3, 11))"
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            command = [python, "-c", question]
            done = subprocess.run(  # noqa: S603 - our own command
                command, user=NOBODY, group=NOBODY, extra_groups=[], cwd=work_folder, check=False
            )
        except OSError:
            continue
        if done.returncode == 0:
            return python
    pytest.skip("no Python here can be run by another user")
