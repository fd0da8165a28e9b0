"""HTTP/1.1 on the wire: uvicorn's parser, with an end to what may come before a body."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 64 * 1024
"""Request line and headers. The parser keeps all of them until the last one is there, and has no
limit of its own."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a request whose head does not end (400, and the connection is closed). What arrives
    with its first bytes is not counted: the kernel bounds that."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._in_head = False
        self._head_bytes = 0

    def on_message_begin(self) -> None:
        """A request starts."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Takes the next bytes."""
        was_in_head = self._in_head
        super().data_received(data)
        if was_in_head and self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.send_400_response("The request's head is too large.")
