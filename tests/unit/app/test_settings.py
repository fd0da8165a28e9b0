"""Settings: what is read, what is refused, and that no secret is ever shown."""

import re
from pathlib import Path

import pytest

from app.budgets import Rates
from app.environment import SECRETS
from app.setting_types import STRIPE_API_BASE
from app.settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).resolve().parents[3]
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
PRODUCTION = {
    "DATABASE_URL": "postgresql://tollgate:hunter2hunter2@db.internal/tollgate",
    "REDIS_URL": "rediss://:hunter2hunter2@redis.internal:6379/0",
    "STRIPE_SECRET_KEY": "sk_live_hunter2hunter2",
    "STRIPE_WEBHOOK_SECRET": "whsec_hunter2new,whsec_hunter2old",
    "TOLLGATE_CREDENTIAL_KEYS": f"k2:{KEY},k1:{KEY}",
    "TOLLGATE_JWT_KEYS": f'[{{"kid": "a", "alg": "HS256", "key": "{"hunter2" * 5}"}}]',
    "TOLLGATE_JWT_ISSUER": "https://login.example",
    "TOLLGATE_CHECKOUT_KEYS": f"c2:{KEY},c1:{KEY}",
    "TOLLGATE_TRACES_URL": "https://collector.example.com/v1/traces",
    "TOLLGATE_TRACES_RATIO": "0.5",
    "TOLLGATE_NEW_RELIC_LICENSE_KEY": "hunter2hunter2",
    "TOLLGATE_SENTRY_DSN": "https://hunter2hunter2@sentry.example.com/7",
    "TOLLGATE_ALERT_EMAIL_FROM": "tollgate@example.com",
    "TOLLGATE_ALERT_EMAIL_TO": "on-call@example.com, finance@example.com",
    "TOLLGATE_ALERT_SMTP_URL": "smtp://tollgate:hunter2hunter2@mail.internal:587",
    "TOLLGATE_ALERT_CHAT_URL": "https://chat.example.com/hunter2hunter2",
    "TOLLGATE_ALERT_WEBHOOK_SECRET": f"whsec_{KEY}",
    "TOLLGATE_ALERT_WEBHOOK_URL": "https://pager.example.com/hunter2hunter2",
}
DEVELOPMENT = PRODUCTION | {
    "TOLLGATE_ENV": "development",
    "STRIPE_SECRET_KEY": "sk_test_hunter2hunter2",
    "STRIPE_API_BASE": "http://127.0.0.1:12111/",
}


def faults(environ: dict[str, str]) -> dict[str, str]:
    """What is wrong with this environment, by variable."""
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    return caught.value.faults


def test_production_settings_are_read() -> None:
    """A full production environment is taken as it stands."""
    settings = load_settings(PRODUCTION)
    assert settings.is_production
    assert settings.stripe_api_base == STRIPE_API_BASE
    assert [secret.secret for secret in settings.stripe_webhook_secrets] == [
        "whsec_hunter2new",
        "whsec_hunter2old",
    ]
    assert [key.id for key in settings.credential_keys] == ["k2", "k1"]
    assert settings.credential_keys[0].key == b"01234567890123456789012345678901"
    assert (settings.jwt_keys[0].kid, settings.jwt_keys[0].algorithm) == ("a", "HS256")
    assert (settings.host, settings.port, settings.graphiql) == ("127.0.0.1", 8000, False)


def test_development_settings_are_read() -> None:
    """Development points at a sandbox, needs no webhook secret and serves the GraphQL IDE."""
    settings = load_settings(DEVELOPMENT | {"STRIPE_WEBHOOK_SECRET": "", "TOLLGATE_JWT_ISSUER": ""})
    assert not settings.is_production
    assert settings.stripe_api_base == "http://127.0.0.1:12111"
    assert settings.stripe_webhook_secrets == ()
    assert settings.jwt_issuer == "tollgate-development"
    assert settings.graphiql


def test_the_settings_of_http_are_read() -> None:
    """Lists are comma separated; nothing is open, trusted or insisted on unless it is named."""
    given = {
        "TOLLGATE_CORS_ORIGINS": "https://shop.example, http://localhost:3000",
        "TOLLGATE_TRUSTED_PROXIES": "10.0.0.0/8,192.0.2.7, fd00::/8",
        "TOLLGATE_HSTS_SECONDS": "31536000",
    }
    settings, bare = load_settings(PRODUCTION | given), load_settings(PRODUCTION)

    assert settings.cors_origins == ("https://shop.example", "http://localhost:3000")
    proxies = [str(network) for network in settings.trusted_proxies]
    assert proxies == ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]
    assert settings.hsts_seconds == 31_536_000
    assert (bare.cors_origins, bare.trusted_proxies, bare.hsts_seconds) == ((), (), 0)


def test_requests_have_an_end_in_production() -> None:
    """Production has budgets and keeps its schema for those who build against it; development has
    neither, unless they are named; 0 is no end."""
    production, development = load_settings(PRODUCTION), load_settings(DEVELOPMENT)
    named = load_settings(
        DEVELOPMENT | {"TOLLGATE_RATE_TENANT": "7", "TOLLGATE_INTROSPECTION": "off"}
    )
    no_end = load_settings(PRODUCTION | {"TOLLGATE_RATE_TENANT": "0"})

    assert Rates.of(production) == Rates(60_000, 30_000, 1_000, 60_000, 600)
    assert Rates.of(development) == Rates()
    assert (production.introspection, development.introspection) == ("roles", "all")
    assert (Rates.of(named), named.introspection) == (Rates(tenant=7), "off")
    assert no_end.rate_tenant == 0
    assert (production.trusted_documents, production.document_manifest) == ("off", None)


@pytest.mark.parametrize(
    "name",
    [
        "DATABASE_URL",
        "REDIS_URL",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "TOLLGATE_CREDENTIAL_KEYS",
        "TOLLGATE_JWT_KEYS",
        "TOLLGATE_JWT_ISSUER",
        "TOLLGATE_CHECKOUT_KEYS",
    ],
)
@pytest.mark.parametrize("unset", [True, False])
def test_production_needs(name: str, *, unset: bool) -> None:
    """In production each of these, missing or empty, is a fault at start."""
    environ = {key: value for key, value in PRODUCTION.items() if key != name}
    found = faults(environ if unset else environ | {name: ""})
    assert list(found) == [name]
    assert found[name].startswith("missing")


def test_a_jwks_url_stands_in_for_local_keys() -> None:
    """With the address of the issuer's keys, keys of one's own are not needed; both may be set."""
    remote = PRODUCTION | {"TOLLGATE_JWKS_URL": "https://login.example/keys"}
    alone = load_settings(remote | {"TOLLGATE_JWT_KEYS": ""})
    assert (alone.jwks_url, alone.jwt_keys) == ("https://login.example/keys", ())
    assert len(load_settings(remote).jwt_keys) == 1
    loopback = load_settings(remote | {"TOLLGATE_JWKS_URL": "http://127.0.0.1:9/keys"})
    assert loopback.jwks_url == "http://127.0.0.1:9/keys"


def test_every_fault_is_listed_at_once() -> None:
    """Faults of all kinds, single variables and rules between them, come in one error."""
    found = faults({"TOLLGATE_PORT": "http", "TOLLGATE_LOG_LEVEL": "LOUD", "REDIS_URL": "6379"})
    assert set(found) == {
        "DATABASE_URL",
        "REDIS_URL",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "TOLLGATE_CREDENTIAL_KEYS",
        "TOLLGATE_JWT_KEYS",
        "TOLLGATE_JWT_ISSUER",
        "TOLLGATE_CHECKOUT_KEYS",
        "TOLLGATE_PORT",
        "TOLLGATE_LOG_LEVEL",
    }


@pytest.mark.parametrize("prefix", ["sk_live_", "rk_live_"])
def test_a_live_key_is_refused_in_development(prefix: str) -> None:
    """A key that moves real money does not start a development process."""
    found = faults(DEVELOPMENT | {"STRIPE_SECRET_KEY": f"{prefix}hunter2hunter2"})
    assert found == {"STRIPE_SECRET_KEY": "a live key is refused in development"}


@pytest.mark.parametrize("prefix", ["sk_live_", "rk_live_"])
def test_a_live_key_goes_to_stripe_only(prefix: str) -> None:
    """A live key with any other API base than Stripe's own is refused, in production too."""
    found = faults(
        PRODUCTION
        | {"STRIPE_SECRET_KEY": f"{prefix}hunter2hunter2", "STRIPE_API_BASE": "https://s.example"}
    )
    assert found == {"STRIPE_SECRET_KEY": f"a live key goes to {STRIPE_API_BASE} only"}


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("TOLLGATE_ENV", "staging", "'production' or 'development'"),
        ("DATABASE_URL", "mysql://hunter2@db/x", "postgresql://host"),
        ("DATABASE_URL", "postgresql://u:hunter2[@/x", "postgresql://host"),
        ("STRIPE_SECRET_KEY", "pk_test_hunter2hunter2", "not a Stripe key"),
        ("STRIPE_SECRET_KEY", "sk_test_", "not a Stripe key"),
        ("STRIPE_API_BASE", "http://stripe.example", "https only"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_a,hunter2", "whsec_"),
        ("STRIPE_CONNECT_WEBHOOK_SECRET", "hunter2", "whsec_"),
        ("STRIPE_LOG", "debug", "past our redaction"),
        ("STRIPE_LOG", "hunter2", "past our redaction"),
        ("TOLLGATE_CREDENTIAL_KEYS", "hunter2", "id:base64"),
        ("TOLLGATE_CREDENTIAL_KEYS", "k:hunter2*", "not base64"),
        ("TOLLGATE_CREDENTIAL_KEYS", "k:aHVudGVyMg==", "has 7 bytes, not 32"),
        ("TOLLGATE_CREDENTIAL_KEYS", f"k:{KEY},k:{KEY}", "comes twice"),
        ("TOLLGATE_JWT_KEYS", "hunter2", "not JSON"),
        ("TOLLGATE_JWKS_URL", "ftp://hunter2", "https://host"),
        ("TOLLGATE_JWKS_URL", "http://hunter2.example/keys", "https only"),
        ("TOLLGATE_JWKS_URL", "https://ada:hunter2@login.example/keys", "without a user"),
        ("TOLLGATE_JWT_ISSUER", "tollgate-checkout", "checkout tokens"),
        ("TOLLGATE_CHECKOUT_KEYS", "hunter2", "id:base64"),
        ("TOLLGATE_CHECKOUT_KEYS", "k:aHVudGVyMg==", "at least 32 bytes"),
        ("TOLLGATE_CHECKOUT_KEYS", f"k:{KEY},k:{KEY}", "comes twice"),
        ("TOLLGATE_PUBLIC_URL", "ftp://hunter2", "http://host"),
        ("TOLLGATE_CORS_ORIGINS", "*", "scheme://host"),
        ("TOLLGATE_CORS_ORIGINS", "https://*.hunter2.example", "scheme://host"),
        ("TOLLGATE_CORS_ORIGINS", "https://hunter2.example/", "scheme://host"),
        ("TOLLGATE_CORS_ORIGINS", "null", "scheme://host"),
        ("TOLLGATE_CORS_ORIGINS", "https://hunter2.example:x", "scheme://host"),
        ("TOLLGATE_CORS_ORIGINS", "https://Hunter2.example", "lower case"),
        ("TOLLGATE_CORS_ORIGINS", "https://hunter2.example:443", "default port"),
        ("TOLLGATE_CORS_ORIGINS", "https://a:hunter2@shop.example", "lower case"),
        ("TOLLGATE_CORS_ORIGINS", "http://hunter2.example", "is https"),
        ("TOLLGATE_CORS_ORIGINS", "https://shop.example, hunter2", "scheme://host"),
        ("TOLLGATE_TRUSTED_PROXIES", "hunter2", "10.0.0.0/8"),
        ("TOLLGATE_TRUSTED_PROXIES", "10.0.0.1/8", "10.0.0.0/8"),
        ("TOLLGATE_TRUSTED_PROXIES", "0.0.0.0/0", "everybody"),
        ("TOLLGATE_TRUSTED_PROXIES", "::/0", "everybody"),
        ("TOLLGATE_HSTS_SECONDS", "-1", "greater than or equal to 0"),
        ("TOLLGATE_PORT", "0", "greater than or equal to 1"),
        ("TOLLGATE_DB_POOL_SIZE", "101", "less than or equal to 100"),
        ("TOLLGATE_RATE_CLIENT", "-1", "greater than or equal to 0"),
        ("TOLLGATE_INTROSPECTION", "hunter2", "'all', 'roles' or 'off'"),
        ("TOLLGATE_TRUSTED_DOCUMENTS", "hunter2", "'off', 'prefer' or 'only'"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(name: str, value: str, fault: str) -> None:
    """A value that cannot be meant is a fault under its name, without the value."""
    with pytest.raises(SettingsError) as caught:
        load_settings(PRODUCTION | {"STRIPE_SECRET_KEY": "sk_test_hunter2hunter2"} | {name: value})
    assert list(caught.value.faults) == [name]
    assert fault in caught.value.faults[name]
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_secret_is_printed() -> None:
    """Neither text nor repr of the settings holds a secret."""
    settings = load_settings(PRODUCTION)
    assert "hunter2" not in f"{settings} {settings!r}"
    assert "0123456789" not in f"{settings} {settings!r}"


@pytest.mark.parametrize("name", sorted(SECRETS - {"STRIPE_CONNECT_WEBHOOK_SECRET"}))
def test_a_secret_may_come_from_a_file(name: str, tmp_path: Path) -> None:
    """NAME_FILE gives the content of a file, without the line end that editors leave."""
    (tmp_path / "secret").write_text(PRODUCTION[name] + "\n")
    environ = {key: value for key, value in PRODUCTION.items() if key != name}
    settings = load_settings(environ | {f"{name}_FILE": str(tmp_path / "secret")})
    assert settings == load_settings(PRODUCTION)


def test_a_secret_file_that_fails_is_a_fault(tmp_path: Path) -> None:
    """A missing file, an empty one, and a variable given both ways are faults of the variable."""
    (tmp_path / "empty").write_text("\n")
    found = faults(
        {
            key: value
            for key, value in PRODUCTION.items()
            if key not in ("REDIS_URL", "DATABASE_URL")
        }
        | {
            "REDIS_URL_FILE": str(tmp_path / "absent"),
            "DATABASE_URL_FILE": str(tmp_path / "empty"),
            "STRIPE_SECRET_KEY_FILE": str(tmp_path / "empty"),
        }
    )
    assert "cannot be read" in found["REDIS_URL"]
    assert "is empty" in found["DATABASE_URL"]
    assert "not both" in found["STRIPE_SECRET_KEY"]
    assert len(found) == 3


def test_a_plain_setting_has_no_file(tmp_path: Path) -> None:
    """Only secrets may come from files: TOLLGATE_PORT_FILE is nothing."""
    (tmp_path / "port").write_text("9000")
    assert load_settings(PRODUCTION | {"TOLLGATE_PORT_FILE": str(tmp_path / "port")}).port == 8000


def test_the_environment_of_the_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument the settings come from the process's own environment."""
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TOLLGATE_PORT", "8123")
    assert load_settings().port == 8123


def test_the_example_names_every_setting() -> None:
    """.env.example holds each variable once, in order, with its meaning and its default."""
    text = (ROOT / ".env.example").read_text()
    shown = re.findall(r"^# (.+)\n([A-Z_]+)=(.*)$", text, re.MULTILINE)
    expected = [
        (field.description, field.validation_alias, _default_text(name))
        for name, field in Settings.model_fields.items()
    ]
    assert shown == expected
    assert {name for name in SECRETS if name in text} == SECRETS


def _default_text(name: str) -> str:
    field = Settings.model_fields[name]
    if field.is_required() or field.default_factory is not None or field.default in ((), None):
        return ""
    return str(field.default)
