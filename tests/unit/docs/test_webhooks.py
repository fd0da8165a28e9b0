"""docs/webhooks.md says what the code does. `scripts/prove webhooks` runs its commands."""

from __future__ import annotations

import re

from domain.event_types import USE_CASES
from domain.gateways.stripe_calls import API_VERSION
from domain.inbox import LEASE_SECONDS, TRIES_MAX
from tests.proofs.document import ROOT, WEBHOOKS, blocks

PAGE = WEBHOOKS.read_text("utf-8")


def test_every_type_has_its_line_and_no_other() -> None:
    """The table of events names each type of domain/event_types.py once."""
    section = PAGE.split("## 3. ")[1].split("## 4. ")[0]
    lines = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = [name for line in lines for name in re.findall(r"`([a-z_.]+)`", line)]
    assert sorted(named) == sorted(USE_CASES)


def test_a_tenants_endpoint_is_made_for_what_the_code_handles() -> None:
    """The types and the version of the command are the code's."""
    command = blocks(WEBHOOKS)["own-endpoint"]
    assert re.findall(r"enabled_events\[\]=([a-z_.]+)", command) == list(USE_CASES)
    assert f"api_version={API_VERSION} " in command
    assert f"API version `{API_VERSION}`" in PAGE


def test_tries_and_lease_are_the_codes() -> None:
    """What the page says of a lease, and of how often an event is tried."""
    assert f"a lease of {LEASE_SECONDS} s" in PAGE
    assert TRIES_MAX == 8
    assert "after eight tries" in PAGE


def test_every_marked_block_is_run() -> None:
    """Each is named by the proof, and each fenced block that a shell would run is marked."""
    proof = (ROOT / "tests" / "proofs" / "webhooks.py").read_text("utf-8")
    found = blocks(WEBHOOKS)
    assert len(found) > 8
    assert sorted(name for name in found if f'"{name}"' not in proof) == []
    assert PAGE.count("```sh") == len(found)
