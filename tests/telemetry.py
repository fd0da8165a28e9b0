"""A receiver of traces and of error reports on this machine."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Received:
    """What came, and by which headers. `raw` is every body as it was before it was packed."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    reports: list[Mapping[str, Any]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def names_in(self, trace_id: int) -> list[str]:
        """The spans of that trace, by name."""
        return sorted(span.name for span in self.of(trace_id))

    def of(self, trace_id: int) -> list[Span]:
        """The spans of that trace."""
        return [span for span in self.spans if int.from_bytes(span.trace_id) == trace_id]


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, received: Received, *given: Any) -> None:
        self._received = received
        super().__init__(*given)

    def do_POST(self) -> None:
        """Keeps a sending."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self._received.headers.append(dict(self.headers))
        self._received.raw.append(body)
        if self.path == "/v1/traces":
            export = ExportTraceServiceRequest.FromString(body)
            self._received.spans += [
                span
                for resource in export.resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            ]
        else:
            self._received.reports.append(json.loads(body.split(b"\n")[2]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def receiver() -> Iterator[Received]:
    """Listens on a free port."""
    received = Received()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, received))
    received.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
