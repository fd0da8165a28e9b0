"""One call of the API from its form to its answer: faults, idempotency key, parameters, effect."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sandbox import idempotency
from sandbox.api.call import Call
from sandbox.errors import ApiError, refused, server_error
from sandbox.expand import check_paths, expand
from sandbox.faults import BEFORE, Fault, Kind, refusal
from sandbox.form import Form, decode
from sandbox.params import check
from sandbox.router import Route, Router
from sandbox.wire import Request, Response, answer
from sandbox.world import Book, Calls, World

FORM = "application/x-www-form-urlencoded"
HTML = b"<!doctype html><html><body><h1>We'll be back soon</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call of an authenticated account, and the fault that strikes it, if any."""

    world: World
    book: Book
    request: Request
    request_id: str
    fault: Fault | None
    router: Router
    schema: Mapping[str, Mapping[str, object]]

    def carry_out(self) -> Response:
        """The answer, spoiled by the fault where one is in force."""
        key = self._key()
        calls = None
        if key:
            calls = self.book.calls.setdefault(key, Calls(self.request.path))
            calls.count += 1
        if self.fault and self.fault.kind in BEFORE:
            dropped = self.fault.kind is Kind.DROP_BEFORE
            return replace(self._error(refusal(self.fault.kind)), dropped=dropped)
        try:
            route = self.router.find(self.request.method, self.request.path)
            form = _form(self.request)
            if key is None or (self.fault and self.fault.kind is Kind.IGNORE_KEYS):
                return self._spoil(self._execute(route, form, calls)[0])
            return self._keyed(key, route, form, calls)
        except ApiError as error:
            return self._spoil(self._error(error))

    def _key(self) -> str | None:
        if self.request.method != "POST":
            return None
        return self.request.headers.get("idempotency-key") or None

    def _keyed(self, key: str, route: Route, form: Form, calls: Calls | None) -> Response:
        idempotency.check_key(key)
        path, parameters, now = self.request.path, _canonical(form), self.world.now()
        kept = idempotency.replay(self.book, key, path, parameters, now)
        if kept:
            return self._spoil(kept)
        response, begun = self._execute(route, form, calls)
        spoiled = self._spoil(response)
        if begun:
            told = self.fault and self.fault.kind in (Kind.ERROR_AFTER, Kind.LATENCY)
            answer_kept = spoiled if told else response
            id_ = self.request_id
            idempotency.keep(self.book, key, path, parameters, answer_kept, request_id=id_, now=now)
        return spoiled

    def _execute(self, route: Route, form: Form, calls: Calls | None) -> tuple[Response, bool]:
        """The true answer, and whether the call began to be carried out."""
        try:
            params = check(form, self.schema[route.operation_id])
            paths = params.texts("expand")
            check_paths(route.kind, paths)
            wire = route.operation(Call(self.world, self.book, params, route.ids))
        except ApiError as error:
            if calls and error.status == 402:
                calls.effects += 1
            return self._error(error), error.stored
        if calls:
            calls.effects += 1
        return answer(expand(self.world, wire, paths)), True

    def _error(self, error: ApiError) -> Response:
        return error.response(self.book.account.id, self.request_id)

    def _spoil(self, response: Response) -> Response:
        if self.fault is None:
            return response
        seconds = self.fault.seconds
        match self.fault.kind:
            case Kind.LATENCY:
                return replace(response, delay_seconds=seconds)
            case Kind.ERROR_AFTER:
                return self._error(server_error(stored=True))
            case Kind.DROP_AFTER:
                return replace(response, dropped=True)
            case Kind.HANG_AFTER:
                return replace(response, delay_seconds=seconds, dropped=True)
            case Kind.GARBLED:
                half = response.body[: len(response.body) // 2]
                return replace(response, status=200, body=half)
            case Kind.HTML:
                return Response(200, HTML, {"content-type": "text/html; charset=utf-8"})
        return response


def _canonical(form: Form) -> bytes:
    """The parameters in one order, so that the same ones compare equal."""
    return json.dumps(form, sort_keys=True).encode()


def _form(request: Request) -> Form:
    """The parameters: of the query for GET and DELETE, of the body for POST."""
    if request.method != "POST":
        return decode(request.query)
    kind = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if request.body and kind != FORM:
        raise refused(
            f"Invalid request: the content type of a POST must be {FORM}, not {kind[:100]}."
        )
    try:
        text = request.body.decode()
    except UnicodeDecodeError as error:
        raise refused("Invalid request: the body is not UTF-8.") from error
    return {**decode(request.query), **decode(text)}
