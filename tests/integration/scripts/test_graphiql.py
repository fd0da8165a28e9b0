"""scripts/graphiql.py: only the files that Strawberry's page expects are ever laid out."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

SCRIPT = ROOT / "scripts" / "graphiql.py"
FORGED = """#!/bin/sh
shift 2
mkdir -p package/umd package/dist
for file in umd/react.production.min.js umd/react-dom.production.min.js dist/js.cookie.min.js \\
    graphiql.min.css graphiql.min.js dist/style.css dist/index.umd.js; do
    echo 'alert(1)' > "package/$file"
done
for package in "$@"; do
    name=$(echo "$package" | sed 's/^@//; s/[/]/-/; s/@/-/')
    tar -czf "$name.tgz" package
done
"""


def fetch(folder: Path, *, npm: str | None) -> "subprocess.CompletedProcess[str]":
    """Run a copy of the script whose checkout is `folder`, with this program as npm."""
    (folder / "scripts").mkdir()
    (folder / ".tollgate").mkdir()
    programs = folder / "programs"
    programs.mkdir()
    if npm is not None:
        (programs / "npm").write_text(npm)
        (programs / "npm").chmod(0o755)
    for name in ("sh", "mkdir", "tar", "gzip", "sed"):
        (programs / name).symlink_to(str(shutil.which(name)))
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, str(shutil.copy(SCRIPT, folder / "scripts"))],
        env=os.environ | {"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_page_names_seven_files() -> None:
    """Strawberry's page loads seven files from five packages, each with a hash."""
    assets = runpy.run_path(str(SCRIPT))["assets"]()
    assert len(assets) == 7
    assert {asset.package for asset in assets} == {
        "react",
        "react-dom",
        "js-cookie",
        "graphiql",
        "@graphiql/plugin-explorer",
    }
    assert all(len(asset.sha384) == 64 for asset in assets)


def test_without_npm_the_reason_is_told(tmp_path: Path) -> None:
    """A machine without npm is told so; that is no failure of the demo."""
    done = fetch(tmp_path, npm=None)
    assert done.returncode == 0
    assert "the GraphQL IDE will not open: npm is not installed" in done.stderr


def test_npm_that_fails_is_told(tmp_path: Path) -> None:
    """npm's own words are passed on; that is no failure of the demo."""
    done = fetch(tmp_path, npm="#!/bin/sh\necho no registry >&2\nexit 1\n")
    assert done.returncode == 0
    assert "npm pack failed: no registry" in done.stderr


def test_a_forged_file_is_not_laid_out(tmp_path: Path) -> None:
    """A file whose hash is not the page's is refused, and nothing of it is kept."""
    done = fetch(tmp_path, npm=FORGED)
    assert done.returncode == 0
    assert "is not the file that the page expects" in done.stderr
    assert not (tmp_path / ".tollgate" / "graphiql").exists()
