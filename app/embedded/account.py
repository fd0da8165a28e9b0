"""The operating system account that embedded services run under.

PostgreSQL refuses to run as root, so a root caller's services drop to another user. That
user sees only what everybody may see, which decides where binaries and data can lie.
"""

import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65534
"""The overflow user of Linux, there on every machine."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group id, both the same number."""

    uid: int


def service_account() -> Account | None:
    """The account to drop to: `NOBODY` for root, None for an ordinary user."""
    return Account(NOBODY) if os.geteuid() == 0 else None


def is_named(account: Account | None) -> bool:
    """Whether the account, or the present user, has an entry in the user database."""
    try:
        pwd.getpwuid(os.geteuid() if account is None else account.uid)
    except KeyError:
        return False
    return True


def give(path: Path, account: Account | None) -> None:
    """Make the account the owner of this file or folder; nothing for None."""
    if account is not None:
        os.chown(path, account.uid, account.uid)


def can_enter(folder: Path, account: Account | None) -> bool:
    """Whether the account may pass through this existing folder and every folder above it."""
    if account is None:
        return True
    resolved = folder.resolve()
    return all(_grants(path, account, stat.S_IXOTH) for path in (resolved, *resolved.parents))


def can_read(tree: Path, account: Account | None) -> bool:
    """Whether the account may read every file of this tree and enter each of its folders."""
    if account is None:
        return True
    if not can_enter(tree, account):
        return False
    return all(_readable(path, account) for path in _walk(tree))


def _readable(path: Path, account: Account) -> bool:
    wanted = stat.S_IROTH | stat.S_IXOTH if path.is_dir() else stat.S_IROTH
    return _grants(path, account, wanted)


def _grants(path: Path, account: Account, bits: int) -> bool:
    status = path.stat()
    if status.st_uid == account.uid:
        bits <<= 6
    return status.st_mode & bits == bits


def _walk(tree: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            yield Path(folder, name)
