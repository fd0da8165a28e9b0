"""The whole stack: that it runs, keeps what it should, and leaves nothing behind."""

import http.client
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.embedded.error import EmbeddedError
from app.settings import load_settings
from app.stack import Stack
from tests.e2e.app import stack_parent
from tests.integration.app.test_embedded import ended


def get(url: str) -> tuple[int, str]:
    """Status and body of a GET."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_the_stack_is_healthy(stack: Stack) -> None:
    """API, worker and sandbox run, each with a log."""
    assert get(f"{stack.api_url}/livez")[0] == http.client.OK
    assert get(f"{stack.api_url}/readyz")[0] == http.client.OK
    assert get(f"{stack.stripe_api_base}/_sandbox/health") == (200, '{"status":"ok"}')
    assert {log.name for log in stack.log_dir.iterdir()} >= {"api.log", "worker.log", "sandbox.log"}


def test_the_stack_hears_webhooks(stack: Stack) -> None:
    """The webhooks' health is there for anybody, with Stripe switched on."""
    status, body = get(f"{stack.api_url}/api/webhooks/health")

    assert (status, json.loads(body)["success"]) == (http.client.OK, True)
    assert json.loads(body)["webhooks"] == {"stripe": "active", "paypal": "not_implemented"}


def test_the_stack_has_complete_settings(stack: Stack) -> None:
    """The stack's environment is what the settings ask for, webhook secrets included."""
    settings = load_settings(stack.environment)
    assert not settings.is_production
    assert settings.public_url == stack.api_url
    assert settings.database_url.get_secret_value() == stack.database_url
    assert settings.redis_url.get_secret_value() == stack.redis_url
    assert settings.stripe_api_base == stack.stripe_api_base
    assert settings.stripe_secret_key.get_secret_value() == stack.stripe_secret_key
    assert settings.stripe_webhook_secrets
    assert settings.stripe_connect_webhook_secrets
    assert settings.stripe_webhook_secrets != settings.stripe_connect_webhook_secrets


def test_the_stack_dies_with_its_killed_parent(data_folder: Path) -> None:
    """kill -9 of the process that started a stack ends all five of its children."""
    with subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, stack_parent.__file__, str(data_folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert len(pids) == 5
    assert all(ended(pid) for pid in pids)


def test_the_stack_keeps_its_secrets(data_folder: Path, valkey: str) -> None:
    """The keys that encrypt stored data, and the account at the sandbox, outlive a restart."""
    kept = []
    for _ in range(2):
        stack = Stack(data_folder, durable=False, given={"REDIS_URL": valkey})
        try:
            stack.start_services()
            names = ("TOLLGATE_CREDENTIAL_KEYS", "TOLLGATE_JWT_KEYS", "STRIPE_SECRET_KEY")
            kept.append([stack.environment[name] for name in names])
        finally:
            stack.stop()
    assert kept[0] == kept[1]
    assert (data_folder / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_the_stack_is_refused_in_production(data_folder: Path) -> None:
    """Nothing embedded starts where the environment says production."""
    stack = Stack(data_folder, given={"TOLLGATE_ENV": "production"})
    with pytest.raises(EmbeddedError, match="TOLLGATE_ENV is production"):
        stack.start()
    assert not list(data_folder.iterdir())


def test_a_stack_that_fails_leaves_nothing_running(data_folder: Path, valkey: str) -> None:
    """When a part cannot be had the error names it, and what had started is stopped."""
    nowhere = "http://127.0.0.1:9"
    stack = Stack(
        data_folder,
        durable=False,
        given={"STRIPE_API_BASE": nowhere, "REDIS_URL": valkey},
    )
    with pytest.raises(EmbeddedError, match=rf"{nowhere}/v1/webhook_endpoints cannot be reached"):
        stack.start()
    assert not (data_folder / "postgres" / "cluster" / "postmaster.pid").exists()


def test_a_service_with_faulty_settings_names_them(data_folder: Path, valkey: str) -> None:
    """An API that does not start is reported with the words of its log."""
    given = {"REDIS_URL": valkey, "STRIPE_WEBHOOK_SECRET": "nonsense"}
    stack = Stack(data_folder, durable=False, given=given)
    with pytest.raises(EmbeddedError, match=r"api\.log.*\n.*STRIPE_WEBHOOK_SECRET: each secret"):
        stack.start()


def test_secrets_are_not_shown(stack: Stack) -> None:
    """No log of the stack holds one of its secrets."""
    secrets = [stack.stripe_secret_key, urlsplit(stack.database_url).password or "none"]
    secrets += [key["key"] for key in json.loads(stack.environment["TOLLGATE_JWT_KEYS"])]
    text = "".join(log.read_text() for log in stack.log_dir.iterdir())
    assert text
    assert [secret for secret in secrets if secret in text] == []
