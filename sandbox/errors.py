"""Stripe's error bodies and status codes (docs.stripe.com/api/errors, /error-codes)."""

from sandbox.wire import Response, Wire, dump


class ApiError(Exception):
    """A refusal in Stripe's words.

    ``stored`` says whether the refusal happened while the request was being carried out, and is
    therefore kept under the idempotency key; what is refused before that is not kept
    (docs.stripe.com/api/idempotent_requests).
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type_: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        stored: bool = True,
        retry: bool | None = None,
        details: Wire | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type_
        self.code = code
        self.param = param
        self.stored = stored
        self.retry = retry
        self.details = details or {}

    def response(self, account: str | None, request_id: str) -> Response:
        """The error as Stripe sends it."""
        error: Wire = {"message": self.message, "type": self.type}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = doc_url(self.code)
        if self.param:
            error["param"] = self.param
        logs = f"{account}/test" if account else "test"
        error["request_log_url"] = (
            f"https://dashboard.stripe.com/{logs}/workbench/logs?object={request_id}"
        )
        headers = {"content-type": "application/json"}
        if self.retry is not None:
            headers["stripe-should-retry"] = "true" if self.retry else "false"
        return Response(self.status, dump({"error": {**error, **self.details}}), headers)


def doc_url(code: str) -> str:
    """Where Stripe explains an error code."""
    return f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def refused(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """A parameter refused before anything is carried out."""
    return ApiError(400, message, code=code, param=param, stored=False)


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """A request that the state of things does not allow."""
    return ApiError(400, message, code=code, param=param)


def missing(kind: str, id_: str, param: str, status: int = 404) -> ApiError:
    """An id that names nothing in this account."""
    return ApiError(status, f"No such {kind}: '{id_}'", code="resource_missing", param=param)


def unexpected_state(message: str, intent: Wire) -> ApiError:
    """A PaymentIntent that cannot be treated so in its status."""
    return ApiError(
        400,
        message,
        code="payment_intent_unexpected_state",
        details={"payment_intent": intent},
    )


def server_error(status: int = 500, *, stored: bool = False) -> ApiError:
    """Stripe's 5xx; the library is told not to retry where the answer is stored under a key."""
    message = "An unknown error occurred" if status == 500 else "The service is unavailable"
    retry = False if stored else None
    return ApiError(status, message, type_="api_error", stored=stored, retry=retry)


def rate_limited() -> ApiError:
    """Too many requests; refused before anything is carried out."""
    return ApiError(
        429,
        "Request rate limit exceeded. Learn more about rate limits here "
        "https://stripe.com/docs/rate-limits.",
        code="rate_limit",
        stored=False,
    )


def lock_timeout() -> ApiError:
    """Another request holds the object; refused before anything is carried out."""
    return ApiError(
        429,
        "This object cannot be accessed right now because another API request or Stripe process "
        "is currently accessing it. If you see this error intermittently, retry the request.",
        code="lock_timeout",
        stored=False,
        retry=True,
    )
