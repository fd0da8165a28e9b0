"""A sandbox process of its own for each test session, and the library pointed at it."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.e2e.sandbox import openapi
from tests.e2e.sandbox.api import MODES, Api, connected, new_key
from tests.e2e.sandbox.control import Control
from tests.e2e.sandbox.receiver import Receiver, listening
from tests.e2e.sandbox.recording import Recorder


@pytest.fixture(scope="session")
def sandbox_address() -> Iterator[str]:
    """`python -m sandbox` as a child on a free port; its URL."""
    command = [sys.executable, "-m", "sandbox", "--port", "0"]
    child = subprocess.Popen(  # noqa: S603  # our own module, no outside input
        command, stdout=subprocess.PIPE, text=True, cwd=openapi.ROOT
    )
    with child:
        try:
            yield _announced(child)
        finally:
            child.terminate()


def _announced(child: "subprocess.Popen[str]") -> str:
    """The URL that the child prints as its first line."""
    line = child.stdout.readline() if child.stdout else ""
    prefix, _, address = line.strip().rpartition(" ")
    assert prefix == "sandbox listening on", f"the sandbox said {line!r}"
    return address


@pytest.fixture
async def control(sandbox_address: str) -> AsyncIterator[Control]:
    """The control routes, on a sandbox that has forgotten everything."""
    async with aiohttp.ClientSession() as session:
        control = Control(sandbox_address, session)
        await control.reset()
        yield control
        await control.reset()


@pytest.fixture
def recorder() -> Recorder:
    """What went over the wire in this test."""
    return Recorder()


@pytest.fixture(params=MODES)
async def api(
    request: pytest.FixtureRequest, sandbox_address: str, control: Control, recorder: Recorder
) -> AsyncIterator[Api]:
    """The stripe library with a key of its own; afterwards every answer and event is judged."""
    async with connected(sandbox_address, request.param, recorder, new_key()) as api:
        yield api
        await control.clear_faults()
        await _walk_events(api)
    assert recorder.faults() == []


async def _walk_events(api: Api) -> None:
    """Read all events of the test's accounts, so that their snapshots are recorded and judged."""
    accounts = [{"stripe_account": account} for account in api.recorder.connected_accounts()]
    for options in [{}, *accounts]:
        await api.every(await api.events.list({"limit": 100}, options))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A merchant's webhook endpoint."""
    async with listening() as receiver:
        yield receiver
