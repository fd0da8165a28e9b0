"""The commands and files of the operator's pages: what is proven is what is written.

A block is fenced and has a comment in front of it: `<!-- proof: NAME -->`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATH = ROOT / "docs" / "deployment.md"
WEBHOOKS = ROOT / "docs" / "webhooks.md"

_BLOCK = re.compile(r"^<!-- proof: (?P<name>[\w.@-]+) -->\n```\w*\n(?P<text>.*?)^```$", re.M | re.S)


def blocks(page: Path = PATH) -> Mapping[str, str]:
    """The text of every marked block of the page, by its name."""
    return {found["name"]: found["text"] for found in _BLOCK.finditer(page.read_text("utf-8"))}


def variables(text: str) -> Mapping[str, str]:
    """The variables of an environment file."""
    lines = (line.partition("=") for line in text.splitlines() if line and line[0] != "#")
    return {name: value for name, _, value in lines}


def exec_start(unit: str) -> str:
    """The command of a systemd unit."""
    found = re.search(r"^ExecStart=(.+)$", unit, re.M)
    assert found, "the unit has no ExecStart"
    return found[1]
