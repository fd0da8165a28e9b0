"""The sandbox, our stand-in for Stripe, as a child of this process."""

import os
import re
import sys
import time
from pathlib import Path

from app.embedded.child import Child, start_child
from app.embedded.error import EmbeddedError

START_SECONDS = 30.0
_POLL_SECONDS = 0.05
_LISTENING = re.compile(r"^sandbox listening on (http://\S+)$", re.MULTILINE)


class EmbeddedSandbox:
    """One sandbox on a free port of 127.0.0.1; it forgets everything at its end."""

    def __init__(self, log_dir: Path) -> None:
        """Prepare; the log goes into this existing folder."""
        self._log = log_dir / "sandbox.log"
        self._child: Child | None = None

    def start(self) -> str:
        """Start it; its base URL, for `STRIPE_API_BASE`.

        Raises:
            EmbeddedError: it ended or stayed silent.
        """
        environment = {k: v for k, v in os.environ.items() if not k.startswith("STRIPE_")}
        command = [sys.executable, "-m", "sandbox", "--port", "0"]
        child = start_child(
            "the sandbox",
            command,
            environment=environment | {"PYTHONUNBUFFERED": "1"},
            log=self._log,
        )
        self._child = child
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and not child.has_ended():
            if found := _LISTENING.search(self._log.read_text(errors="replace")):
                return found[1]
            time.sleep(_POLL_SECONDS)
        said = child.log_text()
        self.stop()
        raise EmbeddedError(f"the sandbox did not start: {said or 'it said nothing'}")

    def stop(self) -> None:
        """Stop it and wait for it; harmless when not running."""
        if self._child is not None:
            self._child.stop()
            self._child = None
