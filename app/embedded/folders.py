"""Where embedded services keep binaries and data, so that their account can reach them."""

import fcntl
import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.embedded.account import Account, can_enter, give
from app.embedded.error import EmbeddedError

_PASSABLE = 0o711
_FALLBACKS = ("/tmp", "/var/tmp", "/var/cache")  # noqa: S108 - ownership is checked in `own_folder`


def state_folder(checkout: Path, account: Account | None) -> Path:
    """The folder for data of this checkout: its `.tollgate`, or one in the system's temp folder.

    The second is for a checkout that the account cannot enter (root's, under a 0700 home).
    """
    if can_enter(checkout, account):
        return checkout / ".tollgate"
    key = hashlib.sha256(os.fsencode(checkout.resolve())).hexdigest()[:12]
    return reachable_folder(account) / f"state-{key}"


def reachable_folder(account: Account | None, *, executable: bool = False) -> Path:
    """A folder of ours outside every home that the account can enter (and run programs from).

    Raises:
        EmbeddedError: no temp folder of this machine will do.
    """
    for base in (Path(tempfile.gettempdir()), *map(Path, _FALLBACKS)):
        if base.is_dir() and can_enter(base, account) and not (executable and _no_exec(base)):
            return own_folder(base / f"tollgate-{os.geteuid()}")
    raise EmbeddedError(
        f"none of {tempfile.gettempdir()}, {', '.join(_FALLBACKS)} can be used by the account of "
        "the embedded services; set TMPDIR to a folder that everybody can enter"
    )


def own_folder(folder: Path) -> Path:
    """Make this folder if absent and make sure that it is ours, not laid there by another user.

    Raises:
        EmbeddedError: it cannot be made or belongs to somebody else.
    """
    make_folder(folder, _PASSABLE)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise EmbeddedError(f"{folder} belongs to another user; remove it or set TMPDIR")
    return folder


def make_folder(folder: Path, mode: int) -> None:
    """Make a folder and those missing above it, all with this mode whatever the umask is.

    Raises:
        EmbeddedError: the disk refuses.
    """
    try:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            path.chmod(mode)
    except OSError as error:
        raise EmbeddedError(f"the folder {folder} cannot be made: {error.strerror}") from error


def _no_exec(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The data of one service instance, held by a lock so that two cannot share it."""

    path: Path
    account: Account | None
    lock: IO[bytes]

    def write_secret(self, name: str, text: str) -> Path:
        """Write a small file that only the account may read; its path.

        Raises:
            EmbeddedError: the disk refuses.
        """
        path = self.path / name
        try:
            with suppress(FileNotFoundError):
                path.unlink()
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
            give(path, self.account)
        except OSError as error:
            raise EmbeddedError(f"{path} cannot be written: {error.strerror}") from error
        return path

    def own_subfolder(self, name: str) -> Path:
        """A folder inside that belongs to the account alone.

        Raises:
            EmbeddedError: the disk refuses.
        """
        path = self.path / name
        make_folder(path, 0o700)
        give(path, self.account)
        return path

    def release(self) -> None:
        """Let another instance have the folder."""
        self.lock.close()


def open_data_folder(path: Path, account: Account | None) -> DataFolder:
    """Make the folder if absent, check that it can be used, and lock it.

    The lock is the kernel's: it goes with this process, however that ends.

    Raises:
        EmbeddedError: not writable, not enterable by the account, or in use by another instance.
    """
    make_folder(path, _PASSABLE)
    if not can_enter(path, account):
        raise EmbeddedError(
            f"the account of the embedded services cannot enter {path}: a folder above it is "
            "closed to others; choose a folder outside every home"
        )
    try:
        lock = (path / "lock").open("ab")
    except OSError as error:
        raise EmbeddedError(f"the folder {path} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise EmbeddedError(f"the folder {path} is in use by another running instance") from error
    return DataFolder(path, account, lock)
