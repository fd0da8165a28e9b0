"""The few HTTP calls that bring a stack up: register at the sandbox, ask for health."""

import base64
import http.client
import json
from urllib.parse import urlencode, urlsplit

from app.embedded.error import EmbeddedError

_TIMEOUT_SECONDS = 5.0


def is_healthy(url: str) -> bool:
    """Whether a GET of this URL answers 200."""
    try:
        status, _ = _ask("GET", url, {}, "")
    except (OSError, http.client.HTTPException):
        return False
    return status == http.client.OK


def register_webhook_endpoint(
    api_base: str, *, secret_key: str, url: str, api_version: str, connect: bool
) -> str:
    """Create a webhook endpoint for every event; its signing secret.

    Stripe: POST /v1/webhook_endpoints. With `connect` it hears connected accounts.

    Raises:
        EmbeddedError: it was refused.
    """
    form = {"url": url, "enabled_events[]": "*", "api_version": api_version}
    form |= {"connect": "true"} if connect else {}
    credentials = base64.b64encode(f"{secret_key}:".encode()).decode()
    headers = {
        "Authorization": f"Basic {credentials}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    target = f"{api_base}/v1/webhook_endpoints"
    try:
        status, text = _ask("POST", target, headers, urlencode(form))
    except (OSError, http.client.HTTPException) as error:
        raise EmbeddedError(f"{target} cannot be reached: {error}") from error
    if status != http.client.OK:
        raise EmbeddedError(f"{target} refused the webhook endpoint: {status} {text}")
    return str(json.loads(text)["secret"])


def _ask(method: str, url: str, headers: dict[str, str], body: str) -> tuple[int, str]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request(method, parts.path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()
