"""Fetch the files of GraphiQL from npm packages, so that the IDE opens without a foreign host.

Which files, of which versions and with which hashes, is read from the page that Strawberry
ships. They lie in .tollgate/graphiql/ under the paths that the page asks its own host for.
Without npm or a registry the service works all the same; the IDE then says so.
"""

import base64
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

STATE = Path(__file__).resolve().parent.parent / ".tollgate"
TARGET = STATE / "graphiql"
TIME_LIMIT_SECONDS = 60
_ASSET = re.compile(
    r'(?:src|href)="https://[^/"]+/(?P<package>(?:@[^/@"]+/)?[^/@"]+)@(?P<version>[^/"]+)'
    r'/(?P<path>[^"]+)"\s+integrity="sha384-(?P<hash>[^"]+)"'
)


class NotFetched(Exception):
    """Raised when the files cannot be had; the text says why."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file that the page loads; `sha384` is its integrity hash in base64."""

    package: str
    version: str
    path: str
    sha384: str

    @property
    def target(self) -> Path:
        """Where it lies here."""
        return TARGET / f"{self.package}@{self.version}" / self.path

    @property
    def tarball(self) -> str:
        """What `npm pack` names the package's file."""
        return f"{self.package.removeprefix('@').replace('/', '-')}-{self.version}.tgz"

    def matches(self, content: bytes) -> bool:
        """Whether these are the bytes that the page expects."""
        return base64.b64encode(hashlib.sha384(content).digest()).decode() == self.sha384

    def is_here(self) -> bool:
        """Whether the file lies here, whole."""
        return self.target.is_file() and self.matches(self.target.read_bytes())


def assets() -> list[Asset]:
    """The files that Strawberry's page loads.

    Raises:
        NotFetched: the page is not there or names none.
    """
    spec = importlib.util.find_spec("strawberry")
    if spec is None or spec.origin is None:
        raise NotFetched("strawberry is not installed")
    page = Path(spec.origin).parent / "static" / "graphiql.html"
    found = [Asset(*match.groups()) for match in _ASSET.finditer(page.read_text())]
    if not found:
        raise NotFetched("strawberry's page names no file with an integrity hash")
    return found


def fetch(wanted: list[Asset]) -> None:
    """Get the packages with npm and lay the wanted files out.

    Raises:
        NotFetched: npm is absent or fails, or a file is not the one that the page expects.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise NotFetched("npm is not installed")
    packages = sorted({f"{asset.package}@{asset.version}" for asset in wanted})
    with tempfile.TemporaryDirectory() as folder:
        pack(npm, packages, Path(folder))
        for asset in wanted:
            lay_out(asset, Path(folder) / asset.tarball)


def pack(npm: str, packages: list[str], folder: Path) -> None:
    """Run `npm pack` for these packages.

    Raises:
        NotFetched: it fails or takes too long.
    """
    cache = str(STATE / "npm-cache")
    environment = os.environ | {"npm_config_cache": cache, "npm_config_update_notifier": "false"}
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            [npm, "pack", "--silent", *packages],
            cwd=folder,
            env=environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=TIME_LIMIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotFetched(f"npm pack: {error}") from error
    if done.returncode != 0:
        raise NotFetched(f"npm pack failed: {(done.stderr or done.stdout).strip()[-300:]}")


def lay_out(asset: Asset, tarball: Path) -> None:
    """Take one file out of its package.

    Raises:
        NotFetched: it is not in there, or is not the one that the page expects.
    """
    try:
        with tarfile.open(tarball) as archive:
            member = archive.extractfile(f"package/{asset.path}")
            content = b"" if member is None else member.read()
    except (OSError, KeyError, tarfile.TarError) as error:
        raise NotFetched(f"{asset.path} is not in {asset.tarball}: {error}") from error
    if not asset.matches(content):
        raise NotFetched(f"{asset.package}/{asset.path} is not the file that the page expects")
    asset.target.parent.mkdir(parents=True, exist_ok=True)
    asset.target.write_bytes(content)


def main() -> int:
    """Fetch what is missing; a failure is told and is no failure of the caller."""
    try:
        missing = [asset for asset in assets() if not asset.is_here()]
        if missing:
            sys.stderr.write("fetching the files of the GraphQL IDE\n")
            fetch(missing)
    except (NotFetched, OSError) as error:
        sys.stderr.write(f"the GraphQL IDE will not open: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
