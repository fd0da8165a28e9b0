"""The quickstart of docs/api.md, copied into a shell."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from app.settings import Settings
from tests.conftest import ROOT
from tests.e2e.graphql.merchant import Merchant

API = (ROOT / "docs" / "api.md").read_text()


def test_the_quickstart_runs(settings: Settings, merchant: Merchant, tmp_path: Path) -> None:
    """An order is made, charged and partly refunded."""
    found = re.search(r"<!-- run -->\n```bash\n(.*?)```", API, re.DOTALL)
    bash = shutil.which("bash")
    assert found is not None
    assert bash is not None

    done = subprocess.run(  # noqa: S603 - the page's own lines
        [bash, "-eu", "-c", found[1]],
        cwd=tmp_path,
        env={"API": settings.public_url, "TOKEN": merchant.token, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    charged = json.loads((tmp_path / "payment.json").read_text())["data"]["chargePayment"]
    refunded = json.loads((tmp_path / "refund.json").read_text())["data"]["refundPayment"]
    assert charged["payment"]["status"] == "PAID"
    assert refunded["payment"]["refundStatus"] == "PARTIAL"
