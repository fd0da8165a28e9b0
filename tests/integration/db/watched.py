"""What the alerts' tables hold, for the tests of the database."""

from __future__ import annotations

from domain.alert import Alert
from domain.alert_notice import Notice, Stage
from domain.ids import Prefix, new_id
from domain.signs import ProcessKind, Sign
from tests.integration.db.builders import NOW


def a_notice(alert: Alert, channel: str = "chat") -> Notice:
    """That the alert was opened."""
    return Notice(
        id=new_id(Prefix.ALERT_NOTICE),
        stage=Stage.OPENED,
        channel=channel,
        alert=alert,
        attempts=0,
        created_at=NOW,
    )


def a_sign(kind: ProcessKind = ProcessKind.WORKER) -> Sign:
    """A process that has just started, with room in its pool."""
    return Sign(
        process_id=new_id(Prefix.PROCESS),
        kind=kind,
        version="0.1.0",
        started_at=NOW,
        beat_at=NOW,
        pool_size=10,
        pool_in_use=0,
        pool_full_since=None,
    )
