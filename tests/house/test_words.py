"""Words that have no place in the tree: of one machine, of one registry, of how it was written."""

import re
import subprocess

from tests.house.tree import ROOT

FORBIDDEN = re.compile(
    "|".join(
        (
            r"(?<![\w.-])/(work|root)/",
            "py" + r"pi\.org",
            "python" + r"hosted\.org",
            "npm" + r"js\.(org|com)",
            r"\b(cl" + "aude|anth" + "ropic|chat" + r"gpt|cop" + r"ilot)\b",
        )
    ),
    re.IGNORECASE,
)

LIST = ("git", "-c", "safe.directory=*", "ls-files", "-z", "-c", "-o", "--exclude-standard")


def test_no_file_names_a_machine_a_registry_or_a_tool() -> None:
    """No file in the repository has a path of one machine, a registry's host or an assistant."""
    listed = subprocess.run(  # noqa: S603 - our own command
        LIST,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]
    assert names
    texts = {name: (ROOT / name).read_text(errors="replace") for name in names}
    found = {name: match[0] for name, text in texts.items() if (match := FORBIDDEN.search(text))}
    assert found == {}
