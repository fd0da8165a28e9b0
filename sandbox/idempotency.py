"""Idempotency keys as Stripe keeps them (docs.stripe.com/api/idempotent_requests).

The first answer of a request that began to be carried out is kept under the account and the key
for 24 hours, errors and 500s included, and repeated word for word.
"""

from sandbox.errors import ApiError, refused
from sandbox.wire import Response
from sandbox.world import Book, StoredAnswer

KEY_LENGTH_MAX = 255
KEPT_SECONDS = 24 * 3600


def check_key(key: str) -> None:
    """Raises ApiError for a key that is too long."""
    if len(key) > KEY_LENGTH_MAX:
        raise refused(
            f"Idempotency keys can be at most {KEY_LENGTH_MAX} characters long; yours has "
            f"{len(key)}."
        )


def replay(book: Book, key: str, path: str, parameters: bytes, now: float) -> Response | None:
    """The kept answer of this key, or None where the request is the first.

    Raises ApiError where the key was used for something else, or its request is still running.
    """
    kept = book.answers.get(key)
    if kept is None:
        return None
    if now - kept.stored_at >= KEPT_SECONDS:
        del book.answers[key]
        return None
    if kept.path != path:
        raise _misused(f"for the same endpoint they were first used for ('{kept.path}')", key)
    if kept.parameters != parameters:
        raise _misused("with the same parameters they were first used with", key)
    if now < kept.busy_until:
        raise _in_use(key)
    headers = {
        "content-type": "application/json",
        "idempotent-replayed": "true",
        "original-request": kept.request_id,
    }
    if kept.status >= 500:
        headers["stripe-should-retry"] = "false"
    return Response(kept.status, kept.body, headers)


def keep(
    book: Book,
    key: str,
    path: str,
    parameters: bytes,
    response: Response,
    *,
    request_id: str,
    now: float,
) -> None:
    """Keeps an answer; until its delay is over the key counts as in use."""
    busy_until = now if response.dropped else now + response.delay_seconds
    book.answers[key] = StoredAnswer(
        path, parameters, response.status, response.body, request_id, now, busy_until
    )


def _misused(how: str, key: str) -> ApiError:
    return ApiError(
        400,
        f"Keys for idempotent requests can only be used {how}. Try using a key other than '{key}' "
        "if you meant to execute a different request.",
        type_="idempotency_error",
        stored=False,
    )


def _in_use(key: str) -> ApiError:
    return ApiError(
        409,
        "There is currently another in-progress request using this Stripe-Idempotent-Key (that "
        "probably means you submitted twice, and the other request is still going through): "
        f"{key}. If you own this key, you can try again later.",
        type_="idempotency_error",
        code="idempotency_key_in_use",
        stored=False,
        retry=True,
    )
