"""Logging: one line an event, to standard error."""

import logging
import sys
import time

_LIBRARIES = ("alembic.runtime.plugins", "arq.worker", "asyncio", "stripe", "uvicorn.access")
"""Loggers that say more than a line an event, or say it twice."""


class LineFormatter(logging.Formatter):
    """Time in UTC, level, logger, message; line breaks become visible, so one event is one line."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The one line of this record, its exception included."""
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")


def set_up_logging(level: str) -> None:
    """Send everything of this level and above to standard error, as lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
