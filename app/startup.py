"""What is looked at before a process serves: that its log-in to the database may do so."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from app.settings import Settings, SettingsError
from db.roles import DatabaseRole, login_faults
from domain.ports import DatabaseUnavailable

_log = logging.getLogger(__name__)


async def check_login(settings: Settings, roles: Sequence[DatabaseRole]) -> None:
    """Raises SettingsError when the user of DATABASE_URL must not serve under these roles.

    Only in production: in development the owner of the tables serves. A database that is away is
    no fault of the settings: it is logged, and the process starts and is not ready until it is
    back, so that a restart in an outage does not become an outage of its own.
    """
    if not settings.is_production:
        return
    try:
        faults = await login_faults(settings.database_url.get_secret_value(), roles)
    except DatabaseUnavailable as away:
        _log.warning("the log-in to the database could not be checked: %s", away)
        return
    if faults:
        raise SettingsError({"DATABASE_URL": "; ".join(faults)})
