"""Work in threads beside the proof."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def again_and_again(count: int, work: Callable[[], object], *, pause: float = 0) -> Iterator[None]:
    """So many who do it until the end of the block, each with `pause` seconds between."""
    stop = threading.Event()

    def keep_on() -> None:
        while not stop.is_set():
            work()
            stop.wait(pause)

    threads = [threading.Thread(target=keep_on, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
