"""Group commit: who is stored with whom, who is told what, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from domain.ports import DatabaseUnavailable
from domain.receiving import Delivery, RowsRefused
from webhooks.batching import Batches, Overloaded


def a_delivery(number: int, size: int = 100) -> Delivery:
    """A delivery of the platform's."""
    return Delivery(
        id=f"we_{number}",
        gateway_id="gw_1",
        livemode=False,
        event_id=f"evt_{number}",
        event_type="customer.created",
        api_version=None,
        account=None,
        document="{}",
        body=None,
        size=size,
        created_at=datetime.now(UTC),
    )


@dataclass
class Disk:
    """A store whose commits end when a test lets them: at once while `gate` is set."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    batches: list[list[str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    refused: frozenset[str] = frozenset()
    error: Exception | None = None

    async def store(self, deliveries: Sequence[Delivery]) -> Sequence[Exception | None]:
        """Stores the batch."""
        self.batches.append([one.event_id for one in deliveries])
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        await self.gate.wait()
        self.at_once -= 1
        if self.error is not None:
            raise self.error
        return [RowsRefused() if one.event_id in self.refused else None for one in deliveries]

    def open(self) -> Disk:
        """Lets every commit end."""
        self.gate.set()
        return self


async def added(batches: Batches, count: int) -> list[BaseException | None]:
    """How each of so many deliveries at once ended."""
    adding = (batches.add(a_delivery(number)) for number in range(count))
    return await asyncio.gather(*adding, return_exceptions=True)


async def test_what_waits_goes_together() -> None:
    """No more than two commits at once, none larger than it may be, and nobody twice."""
    disk = Disk().open()
    batches = Batches(disk.store, batch_max=16)
    ended = await added(batches, 100)

    assert ended == [None] * 100
    assert disk.most_at_once == 2
    assert max(map(len, disk.batches)) == 16
    assert len(disk.batches) == 7
    assert sorted(name for batch in disk.batches for name in batch) == sorted(
        f"evt_{number}" for number in range(100)
    )


async def test_one_alone_does_not_wait_for_others() -> None:
    """A single delivery is a batch at once."""
    disk = Disk().open()
    await Batches(disk.store).add(a_delivery(1))

    assert disk.batches == [["evt_1"]]


async def test_nobody_is_answered_before_the_commit() -> None:
    """Answers come with the end of the commit, and with no earlier one's."""
    disk = Disk()
    adding = asyncio.create_task(Batches(disk.store).add(a_delivery(1)))
    await asyncio.sleep(0.02)
    before = adding.done()
    disk.open()
    await adding

    assert disk.batches == [["evt_1"]]
    assert not before


async def test_each_is_told_of_its_own() -> None:
    """The one that is refused, and none of its neighbours."""
    disk = Disk(refused=frozenset({"evt_3"})).open()
    ended = await added(Batches(disk.store), 10)

    assert [type(error) for error in ended] == [
        RowsRefused if number == 3 else type(None) for number in range(10)
    ]


async def test_all_are_told_of_an_outage() -> None:
    """Everybody in the batch comes again; those after it find a store that is back."""
    disk = Disk(error=DatabaseUnavailable("away")).open()
    batches = Batches(disk.store)
    away = await added(batches, 5)
    disk.error = None
    back = await added(batches, 5)

    assert [type(error) for error in away] == [DatabaseUnavailable] * 5
    assert back == [None] * 5


@pytest.mark.parametrize(
    ("limits", "size"), [({"waiting_max": 3}, 100), ({"waiting_bytes_max": 350}, 100)], ids=str
)
async def test_a_full_queue_refuses_at_once(limits: dict[str, int], size: int) -> None:
    """In number or in bytes; what waits is stored all the same, and then there is room again."""
    disk = Disk()
    batches = Batches(disk.store, batch_max=1, in_flight_max=1, **limits)
    first = asyncio.create_task(batches.add(a_delivery(0, size)))
    await asyncio.sleep(0.01)
    rest = [asyncio.create_task(batches.add(a_delivery(number, size))) for number in range(1, 6)]
    await asyncio.sleep(0.01)
    refused = [task.exception() for task in rest if task.done()]
    disk.open()
    await asyncio.gather(first, *rest, return_exceptions=True)
    await batches.add(a_delivery(9, size))

    assert [type(error) for error in refused] == [Overloaded, Overloaded]
    assert disk.batches == [["evt_0"], ["evt_1"], ["evt_2"], ["evt_3"], ["evt_9"]]


async def test_who_goes_away_takes_nobody_along() -> None:
    """One that is cancelled, waiting or in a commit, is stored, and its neighbours are answered."""
    disk = Disk()
    batches = Batches(disk.store, batch_max=2, in_flight_max=1)
    adding = [asyncio.create_task(batches.add(a_delivery(number))) for number in range(4)]
    await asyncio.sleep(0.01)
    adding[0].cancel()
    adding[2].cancel()
    disk.open()
    ended = await asyncio.gather(*adding, return_exceptions=True)

    assert [type(error) for error in ended] == [
        *(asyncio.CancelledError, type(None), asyncio.CancelledError, type(None))
    ]
    assert disk.batches == [["evt_0", "evt_1"], ["evt_2", "evt_3"]]


async def test_a_commit_that_does_not_come_is_not_waited_for() -> None:
    """Its delivery is to come again; what became of it is not known."""
    with pytest.raises(DatabaseUnavailable):
        await Batches(Disk().store, wait_seconds_max=0.02).add(a_delivery(1))


async def test_draining_waits_for_all_that_was_accepted() -> None:
    """Also for those whose senders are gone."""
    disk = Disk()
    batches = Batches(disk.store, batch_max=1, in_flight_max=1)
    adding = [asyncio.create_task(batches.add(a_delivery(number))) for number in range(3)]
    await asyncio.sleep(0.01)
    for task in adding:
        task.cancel()
    draining = asyncio.create_task(batches.drain())
    await asyncio.sleep(0.01)
    before = draining.done()
    disk.open()
    await draining
    await batches.drain()
    await asyncio.gather(*adding, return_exceptions=True)

    assert not before
    assert disk.batches == [["evt_0"], ["evt_1"], ["evt_2"]]
