"""Make .venv from requirements.lock, unless it is there and up to date. Standard library only."""

import fcntl
import hashlib
import json
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
PYPROJECT = ROOT / "pyproject.toml"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "tollgate-stamp"
STATE = ROOT / ".tollgate"
LOG = STATE / "setup.log"
PROGRESS_SECONDS = 5.0
PIP = [str(PYTHON), "-m", "pip"]
QUIET = ["--no-deps", "--progress-bar=off"]
KEPT = {"pip", "setuptools", "tollgate"}
"""What the environment holds beyond the lock."""


class SetUpFailed(Exception):
    """Raised when a step of the set-up fails; the text says which and why."""


def say(line: str) -> None:
    """Tell the person who waits."""
    sys.stderr.write(f"{line}\n")


def base() -> str:
    """What the environment stands on: this Python and this place. Another one means a new one."""
    return f"{sys.version} {ROOT}"


def contents() -> str:
    """What is installed in it, as a hash: the lock, and the entry points of the checkout."""
    digest = hashlib.sha256(LOCK_FILE.read_bytes())
    scripts = re.search(
        r"^\[project\.scripts\]$.*?^\[", PYPROJECT.read_text(), re.MULTILINE | re.DOTALL
    )
    digest.update(b"" if scripts is None else scripts[0].encode())
    return digest.hexdigest()


def stamped() -> dict[str, str]:
    """What the stamp says; nothing when there is none that can be read."""
    try:
        return dict(json.loads(STAMP.read_text())) if PYTHON.exists() else {}
    except (OSError, ValueError):
        return {}


def stamp(installed: str) -> None:
    """Write down what the environment is."""
    STAMP.write_text(json.dumps({"base": base(), "contents": installed}))


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
    """Make an empty environment."""
    if VENV.exists():
        shutil.rmtree(VENV)
    say("making .venv")
    run([sys.executable, "-m", "venv", str(VENV)])
    stamp("nothing yet")


def install() -> None:
    """Bring the environment to the lock: what is missing or other comes in, what is not in it goes.

    The stamp is written last, so an interrupted installation is taken up again.
    """
    locked = re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*\])?==", LOCK_FILE.read_text(), re.MULTILINE)
    say(f"installing the {len(locked)} packages of requirements.lock (up to a minute)")
    run([*PIP, "install", *QUIET, "--require-hashes", "-r", str(LOCK_FILE)])
    run([*PIP, "install", *QUIET, "--no-build-isolation", "-e", str(ROOT)])
    left_over = installed_names() - {plain(name) for name in locked} - KEPT
    if left_over:
        run([*PIP, "uninstall", "--yes", *sorted(left_over)])
    stamp(contents())


def installed_names() -> set[str]:
    """The packages in the environment."""
    done = subprocess.run(  # noqa: S603 - our own command
        [*PIP, "list", "--format=freeze"], capture_output=True, text=True, check=True
    )
    return {plain(line.split("==")[0]) for line in done.stdout.splitlines()}


def plain(name: str) -> str:
    """A package's name as PEP 503 normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def set_up() -> None:
    """Make or update the environment if need be."""
    known = stamped()
    if known.get("base") == base() and known.get("contents") == contents():
        return
    started = time.monotonic()
    LOG.write_text("")
    if known.get("base") != base():
        make()
    install()
    say(f"environment ready after {time.monotonic() - started:.0f} s")


def main() -> int:
    """Make or update the environment, one process at a time; the exit code."""
    try:
        with only_one():
            set_up()
    except (OSError, subprocess.SubprocessError, SetUpFailed) as error:
        say(f"set-up failed: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
