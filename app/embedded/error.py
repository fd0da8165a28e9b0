"""The one error of the embedded services."""


class EmbeddedError(Exception):
    """Raised when an embedded service cannot start: a port, a disk or a binary failed.

    The text is meant for the person at the terminal: it says what failed and what to do.
    """
