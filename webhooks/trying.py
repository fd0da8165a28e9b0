"""One try of an event, as the jobs and the sweeper run it: bounded, and never without an end."""

from __future__ import annotations

import asyncio
import logging

from domain.bound import bound
from domain.event_ends import Try
from domain.events import EventService
from domain.ports import DatabaseUnavailable

TRY_SECONDS_MAX = 18.0
"""A try beyond this is cut off and put off. Less than the lease, and less than what a job gets, so
that the end of the try is written by whoever holds the event."""

_log = logging.getLogger(__name__)


async def work_off(events: EventService, tried: Try) -> None:
    """Works the event off. A fault of ours puts it off as one of the gateway's does, so that it is
    tried again later and later, and is DEAD with an alert when it never ends.

    Raises DatabaseUnavailable: then the event is free again when its lease has run out.
    """
    event = tried.event
    with bound(event_id=event.id, tenant_id=event.tenant_id, payment_id=event.payment_id):
        await _work_off(events, tried)


async def _work_off(events: EventService, tried: Try) -> None:
    event_id = tried.event.id
    try:
        async with asyncio.timeout(TRY_SECONDS_MAX):
            await events.work_off(tried)
    except DatabaseUnavailable:
        raise
    except TimeoutError:
        _log.error("event %s took longer than %g s", event_id, TRY_SECONDS_MAX)
        await events.put_off(tried, f"It took longer than {TRY_SECONDS_MAX:g} s.")
    except Exception as error:  # noqa: BLE001 - the job runner: one event's fault stops no other
        _log.exception("event %s was not processed", event_id)
        # Its text may quote a row or a parameter; the log has it, less what the log leaves out.
        await events.put_off(tried, f"{type(error).__name__} in Tollgate: see the worker's log.")
