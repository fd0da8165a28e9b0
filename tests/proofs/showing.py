"""How a proof over processes of its own begins and ends."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from app.embedded.account import service_account
from app.embedded.folders import reachable_folder
from tests.proofs.judging import Failed, console


def shown(prove: Callable[[Path], None]) -> int:
    """Has it run over a folder that its servers can enter: 0 when it has shown everything, 1 when
    it raised Failed or waited in vain."""
    folder = Path(tempfile.mkdtemp(prefix="proof-", dir=reachable_folder(service_account())))
    try:
        prove(folder)
    except (Failed, TimeoutError) as failed:
        console.print(f"failed: {failed!r}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    console.print("everything was shown")
    return 0
