"""Make .venv from requirements.lock, unless it is there and up to date. Standard library only."""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK_FILE = ROOT / "requirements.lock"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "tollgate-stamp"
STATE = ROOT / ".tollgate"
LOG = STATE / "setup.log"
PROGRESS_SECONDS = 5.0
PIP = [str(PYTHON), "-m", "pip", "install", "--no-deps", "--progress-bar=off"]


class SetUpFailed(Exception):
    """Raised when a step of the set-up fails; the text says which and why."""


def say(line: str) -> None:
    """Tell the person who waits."""
    sys.stderr.write(f"{line}\n")


def fingerprint() -> str:
    """What the environment depends on: the lock, the entry points, this place, this Python."""
    parts = (LOCK_FILE.read_bytes(), (ROOT / "pyproject.toml").read_bytes().split(b"[tool.")[0])
    digest = hashlib.sha256(b"\0".join(parts))
    digest.update(f"{ROOT} {sys.version}".encode())
    return digest.hexdigest()


def is_current() -> bool:
    """Whether .venv was made, to the end, from what is here now."""
    return PYTHON.exists() and STAMP.exists() and STAMP.read_text() == fingerprint()


@contextmanager
def only_one() -> Iterator[None]:
    """Hold the set-up lock; the kernel lets go of it however this process ends."""
    if not STATE.exists():
        STATE.mkdir()
        STATE.chmod(0o711)  # the embedded services of root pass through it as another user
    with (STATE / "setup.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up of this checkout")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(command: list[str]) -> None:
    """Run one step, its output in the log, with a line of progress now and then."""
    collected = 0
    said = time.monotonic()
    with (
        LOG.open("a") as log,
        subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        ) as process,
    ):
        for line in process.stdout or ():
            log.write(line)
            collected += line.startswith("Collecting ")
            if time.monotonic() - said > PROGRESS_SECONDS:
                said = time.monotonic()
                say(f"  {collected} packages fetched" if collected else "  still at it")
    if process.returncode != 0:
        tail = "\n".join(LOG.read_text().splitlines()[-15:])
        raise SetUpFailed(f"{' '.join(command[:4])} failed ({LOG}):\n{tail}")


def make() -> None:
    """Make the environment from nothing; the stamp comes last, so a broken one is made again."""
    started = time.monotonic()
    LOG.write_text("")
    if VENV.exists():
        shutil.rmtree(VENV)
    say("making .venv")
    run([sys.executable, "-m", "venv", str(VENV)])
    count = len(re.findall(r"^\S+==", LOCK_FILE.read_text(), re.MULTILINE))
    say(f"installing {count} packages of requirements.lock (about a minute)")
    run([*PIP, "--require-hashes", "-r", str(LOCK_FILE)])
    run([*PIP, "--no-build-isolation", "-e", str(ROOT)])
    STAMP.write_text(fingerprint())
    say(f"environment ready after {time.monotonic() - started:.0f} s")


def main() -> int:
    """Make the environment if need be."""
    try:
        with only_one():
            if not is_current():
                make()
    except (OSError, SetUpFailed) as error:
        say(f"set-up failed: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
