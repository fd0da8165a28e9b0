"""docs/deployment.md says what the code does: settings, events, roles, processes.

`scripts/prove deployment` and `scripts/prove backup-restore` run its commands.
"""

import re
from pathlib import Path

from app.environment import SECRETS
from app.settings import Settings, load_settings
from app.stack import WEBHOOK_PATH
from db.roles import DatabaseRole
from domain.event_types import USE_CASES
from domain.gateways.stripe_calls import API_VERSION
from tests.house.tree import ROOT
from tests.proofs.document import PATH, blocks, exec_start, variables

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
SECRET_FILES = {
    "database_url": "postgresql://tollgate_service:secret@db.internal/tollgate",
    "redis_url": "rediss://:secret@redis.internal:6379/0",
    "stripe_secret_key": "rk_live_hunter2hunter2",
    "webhook_secret": "whsec_new,whsec_old",
    "connect_webhook_secret": "whsec_connect",
    "credential_keys": f"k1:{KEY}",
    "checkout_keys": f"c1:{KEY}",
}
SETTINGS = {str(field.validation_alias) for field in Settings.model_fields.values()}
NEVER_SET = "STRIPE_LOG"
"""The Stripe library reads it by itself, and the document warns of it."""
NOT_OF_THE_SERVICE = {"TOLLGATE_TEST_WORKERS", NEVER_SET}

NAMED = re.compile(r"\b(?:(?:TOLLGATE|STRIPE)_[A-Z_]+|(?:DATABASE|REDIS)_URL(?:_FILE)?)\b")
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))


def used() -> set[str]:
    """The names that the proofs run or read, wherever they stand in their code."""
    sources = (ROOT / "tests" / "proofs").glob("*.py")
    return {name for path in sources for name in re.findall(r'"([\w.@-]+)"', path.read_text())}


def test_every_variable_that_the_documents_name_is_read() -> None:
    """A variable in README.md or docs/ is a setting, or names the file of a secret one."""
    known = SETTINGS | {f"{name}_FILE" for name in SECRETS} | NOT_OF_THE_SERVICE
    named = {(page.name, name) for page in PAGES for name in NAMED.findall(page.read_text())}
    assert len(named) > len(SETTINGS)
    assert sorted((page, name) for page, name in named if name not in known) == []


def test_every_setting_is_in_the_deployment_document() -> None:
    """An operator finds each variable of .env.example in docs/deployment.md."""
    text = PATH.read_text()
    listed = set(variables((ROOT / ".env.example").read_text()))
    assert len(listed) > 15
    assert sorted(name for name in listed if not re.search(rf"\b{name}(_FILE)?\b", text)) == []


def test_the_environment_file_is_complete(tmp_path: Path) -> None:
    """With its secrets in place the environment file is a production environment, and it leaves
    nothing to a default but the keys that a JWKS takes the place of."""
    for name, text in SECRET_FILES.items():
        (tmp_path / name).write_text(text)
    text = blocks()["tollgate.env"].replace("/etc/tollgate/secrets", str(tmp_path))
    given = variables(text)
    assert load_settings(given).is_production
    left_out = SETTINGS - {name.removesuffix("_FILE") for name in given} - {NEVER_SET}
    assert left_out == {"TOLLGATE_JWT_KEYS"}


def test_the_webhook_endpoint_is_made_for_what_the_code_handles() -> None:
    """Its event types are those of domain/event_types.py, its version is the pinned one."""
    command = blocks()["webhook-endpoint"]
    assert re.findall(r"enabled_events\[\]=([a-z_.]+)", command) == list(USE_CASES)
    assert f"api_version={API_VERSION} " in command
    assert f"{WEBHOOK_PATH} " in command


def test_the_roles_are_those_that_the_processes_take() -> None:
    """roles.sql makes each role and grants it to the service, without its rights by default."""
    text = blocks()["roles.sql"]
    assert set(re.findall(r"CREATE ROLE (\w+) NOLOGIN", text)) == set(DatabaseRole)
    granted = re.search(r"GRANT (.+) TO tollgate_service WITH INHERIT FALSE, SET TRUE;", text)
    assert granted
    assert set(granted[1].split(", ")) == set(DatabaseRole)


def test_the_units_run_the_two_processes() -> None:
    """The units of systemd start API and worker and wait longer than either needs to end."""
    found = blocks()
    api, worker = found["tollgate-api@.service"], found["tollgate-worker.service"]
    assert exec_start(api).endswith("/bin/tollgate serve")
    assert exec_start(worker).endswith("/bin/tollgate worker")


def test_every_block_that_says_so_is_proven() -> None:
    """Each marked block is run or read by a proof, and each that they use is there."""
    assert len(blocks()) > 12
    assert sorted(set(blocks()) - used()) == []
    assert PATH.read_text().count("<!-- proof: ") == len(blocks())
