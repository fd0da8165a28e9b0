"""Dependencies: each has a reason, each is locked, none takes one of our names."""

import re
from importlib.metadata import packages_distributions

from tests.house.tree import PACKAGES, ROOT

DEPENDENCY = re.compile(r'^ {4}"(?P<name>[A-Za-z0-9_.-]+)[^"]*",(?P<comment>.*)$', re.MULTILINE)
LOCKED = re.compile(r"^(?P<name>[a-z0-9.-]+)(\[[a-z,]+\])?==", re.MULTILINE)


def dependencies() -> dict[str, str]:
    """The dependencies of pyproject.toml with the comment behind each."""
    text = (ROOT / "pyproject.toml").read_text()
    project = text[text.index("dependencies = [") : text.index("[project.scripts]")]
    return {
        match["name"].lower(): match["comment"]
        for match in DEPENDENCY.finditer(project)
        if match["name"] != "tollgate"
    }


def test_each_dependency_has_a_reason() -> None:
    """Behind each dependency stands why it is there."""
    found = dependencies()
    assert len(found) > 20
    assert [name for name, comment in found.items() if len(comment.partition("# ")[2]) < 8] == []


def test_each_dependency_is_locked() -> None:
    """The lock holds every dependency, with hashes."""
    lock = (ROOT / "requirements.lock").read_text()
    locked = {match["name"] for match in LOCKED.finditer(lock)}
    assert set(dependencies()) - locked == set()
    entries = re.split(r"^(?=\S+==)", lock, flags=re.MULTILINE)[1:]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_names_no_host() -> None:
    """The lock records versions and hashes, no place to get them from."""
    assert "://" not in (ROOT / "requirements.lock").read_text()


def test_no_dependency_takes_one_of_our_names() -> None:
    """Our packages have short names; none that is installed ships a package of the same name."""
    owners = packages_distributions()
    assert {
        name: owners[name] for name in PACKAGES if set(owners.get(name, ())) - {"tollgate"}
    } == {}
