"""Lists: newest first, in pages, between two moments."""

from collections.abc import Callable, Iterable, Iterator

from sandbox.api.call import Call, Kept
from sandbox.errors import missing, refused
from sandbox.params import Params
from sandbox.wire import Wire

LIMIT_DEFAULT = 10
LIMIT_MAX = 100


def page(
    call: Call,
    shelf: dict[str, Kept],
    url: str,
    kind: str,
    matches: Callable[[Kept], bool] | None = None,
) -> Wire:
    """A page of the records that match, with the cursor and time filters of the call.

    Raises ApiError for a limit out of 1..100 or a cursor that names nothing.
    """
    limit = _limit(call.params)
    within = _within(call.params)

    def wanted(record: Kept) -> bool:
        return within(record.created) and (matches is None or matches(record))

    backwards = call.params.text("ending_before")
    after = call.params.text("starting_after")
    if backwards and after:
        raise refused("You cannot parameterize `starting_after` with `ending_before`.")
    cursor = backwards or after
    if cursor and cursor not in shelf:
        raise missing(kind, cursor, "ending_before" if backwards else "starting_after", 400)
    source: Iterable[Kept] = shelf.values() if backwards else reversed(shelf.values())
    chosen = _take(_beyond(source, cursor), wanted, limit + 1)
    data = chosen[:limit]
    if backwards:
        data.reverse()
    return {
        "object": "list",
        "data": [call.render(record) for record in data],
        "has_more": len(chosen) > limit,
        "url": url,
    }


def _limit(params: Params) -> int:
    limit = params.integer("limit")
    if limit is None:
        return LIMIT_DEFAULT
    if not 1 <= limit <= LIMIT_MAX:
        bound = "greater than or equal to 1" if limit < 1 else "less than or equal to 100"
        raise refused(
            f"This value must be {bound} (it currently is '{limit}').",
            "limit",
            "parameter_invalid_integer",
        )
    return limit


def _within(params: Params) -> Callable[[int], bool]:
    exact = params.integer("created")
    if exact is not None:
        return lambda created: created == exact
    bounds = params.nested("created")
    if bounds is None:
        return lambda created: True
    least = max(_bound(bounds, "gte", 0), _bound(bounds, "gt", -1) + 1)
    most = min(_bound(bounds, "lte", 2**62), _bound(bounds, "lt", 2**62 + 1) - 1)
    return lambda created: least <= created <= most


def _bound(bounds: Params, name: str, default: int) -> int:
    value = bounds.integer(name)
    return default if value is None else value


def _beyond(records: Iterable[Kept], cursor: str | None) -> Iterator[Kept]:
    iterator = iter(records)
    if cursor:
        for record in iterator:
            if record.id == cursor:
                break
    return iterator


def _take(records: Iterator[Kept], wanted: Callable[[Kept], bool], most: int) -> list[Kept]:
    taken: list[Kept] = []
    for record in records:
        if wanted(record):
            taken.append(record)
            if len(taken) == most:
                break
    return taken
