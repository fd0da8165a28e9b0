"""Calls that reach nothing are made again, and an account that answers nothing is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from app.gateway_patience import (
    FAULTS_MAX,
    LEAST_SECONDS,
    OPEN_CODE,
    OPEN_SECONDS,
    PAUSES,
    Patience,
)
from domain.errors import (
    GatewayDeclined,
    GatewayProblem,
    GatewayRefused,
    GatewayUnauthorized,
    GatewayUnknown,
    GatewayUnreached,
)
from domain.gateways.stripe_requests import UNREADABLE_CODE

SHED = GatewayUnreached("429")
LOST = GatewayUnknown("timeout")


@dataclass
class Line:
    """A gateway that answers in turn, on a clock of its own, and for how long it was asked."""

    answers: list[GatewayProblem | None] = field(default_factory=list)
    time: float = 1_000.0
    slept: list[float] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.patience = Patience(now=lambda: self.time, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    async def _answer(self, seconds: float) -> str:
        self.asked.append(seconds)
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        return "done"

    async def call(
        self, *answers: GatewayProblem | None, account: str = "gw_1", seconds: float = 15.0
    ) -> str:
        """One call to which the gateway gives these answers, and then good ones."""
        self.answers = list(answers)
        return await self.patience.carry(account, seconds, self._answer)

    async def fail(self, times: int, problem: GatewayProblem = LOST) -> None:
        """So many calls that end so."""
        for _ in range(times):
            with pytest.raises(type(problem)):
                await self.call(*[problem] * (len(PAUSES) + 1))


@pytest.fixture
def line() -> Line:
    """All is well on it."""
    return Line()


@pytest.mark.parametrize("times", [0, 1, 2, 3])
async def test_what_reached_nothing_is_made_again(line: Line, times: int) -> None:
    """Up to four calls, each pause longer than the one before and drawn by chance."""
    assert await line.call(*[SHED] * times) == "done"
    assert len(line.asked) == times + 1
    for slept, longest in zip(line.slept, PAUSES, strict=False):
        assert longest / 2 <= slept <= longest


async def test_the_fourth_is_the_last(line: Line) -> None:
    """Then it is the caller's to come back."""
    with pytest.raises(GatewayUnreached, match="429"):
        await line.call(*[SHED] * 4)
    assert len(line.asked) == 4


async def test_all_calls_share_one_limit(line: Line) -> None:
    """The caller waits no longer than it said, and no call is begun for which no time is left."""
    with pytest.raises(GatewayUnreached):
        await line.call(*[SHED] * 4, seconds=1.6)
    assert line.asked[0] == pytest.approx(1.6)
    assert 1 < len(line.asked) < 4
    assert sum(line.slept) + line.asked[-1] == pytest.approx(1.6)
    assert min(line.asked) >= LEAST_SECONDS


@pytest.mark.parametrize(
    "problem",
    [
        LOST,
        GatewayDeclined("no", snapshot=None),
        GatewayRefused("no"),
        GatewayUnauthorized("no"),
        GatewayUnreached("no", gateway_code=UNREADABLE_CODE),
    ],
    ids=lambda problem: type(problem).__name__,
)
async def test_nothing_else_is_made_again(line: Line, problem: GatewayProblem) -> None:
    """Least of all what may have taken effect."""
    with pytest.raises(type(problem)):
        await line.call(problem)
    assert (len(line.asked), line.slept) == (1, [])


@pytest.mark.parametrize("fault", [LOST, SHED], ids=["lost", "shed"])
async def test_an_account_without_answers_is_left_alone(line: Line, fault: GatewayProblem) -> None:
    """After five calls in a row; others are not touched by it, and it is tried again."""
    await line.fail(FAULTS_MAX, fault)
    made = len(line.asked)
    with pytest.raises(GatewayUnreached) as paused:
        await line.call()
    assert paused.value.gateway_code == OPEN_CODE
    assert len(line.asked) == made
    assert await line.call(account="gw_2") == "done"

    line.time += OPEN_SECONDS
    assert await line.call() == "done"
    await line.fail(FAULTS_MAX - 1, fault)
    assert await line.call() == "done"


async def test_a_try_that_fails_waits_anew(line: Line) -> None:
    """One call for each pause, not a storm."""
    await line.fail(FAULTS_MAX)
    line.time += OPEN_SECONDS
    await line.fail(1)
    with pytest.raises(GatewayUnreached, match="6 calls in a row"):
        await line.call()
    line.time += OPEN_SECONDS
    assert await line.call() == "done"


@pytest.mark.parametrize("is_given_up", [True, False])
async def test_one_call_tries_at_a_time(line: Line, *, is_given_up: bool) -> None:
    """The others are refused meanwhile; one that is given up leaves its place to the next."""
    await line.fail(FAULTS_MAX)
    line.time += OPEN_SECONDS
    ends = asyncio.Event()

    async def held(_: float) -> str:
        await ends.wait()
        return "done"

    trying = asyncio.create_task(line.patience.carry("gw_1", 15, held))
    await asyncio.sleep(0)
    with pytest.raises(GatewayUnreached):
        await line.call()
    if is_given_up:
        trying.cancel()
        await asyncio.gather(trying, return_exceptions=True)
    else:
        ends.set()
        await trying
    assert await line.call() == "done"


@pytest.mark.parametrize(
    "answers",
    [
        (GatewayRefused("no"),),
        (GatewayDeclined("no", snapshot=None),),
        (GatewayUnauthorized("no"),),
    ],
    ids=["refused", "declined", "unauthorized"],
)
async def test_an_answer_is_an_answer(line: Line, answers: Sequence[GatewayProblem]) -> None:
    """Whatever it says, the gateway is there."""
    await line.fail(FAULTS_MAX - 1)
    with pytest.raises(GatewayProblem):
        await line.call(*answers)
    await line.fail(FAULTS_MAX - 1)
    assert await line.call() == "done"


async def test_a_key_of_ours_is_no_fault_of_the_gateway(line: Line) -> None:
    """A credential that cannot be decrypted pauses nothing."""
    await line.fail(FAULTS_MAX * 2, GatewayUnreached("no", gateway_code=UNREADABLE_CODE))
    assert await line.call() == "done"
