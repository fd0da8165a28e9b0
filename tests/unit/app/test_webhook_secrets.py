"""The secrets of the platform's webhook endpoints, as the environment gives them."""

from datetime import UTC, datetime

from app.settings import load_settings
from tests.unit.app.test_settings import PRODUCTION, faults


def test_a_webhook_secret_may_have_an_end() -> None:
    """Behind an @; one that has ended is kept as such, and production wants one in force."""
    given = "whsec_hunter2new,whsec_hunter2old@2020-01-01T00:00:00Z"
    settings = load_settings(PRODUCTION | {"STRIPE_CONNECT_WEBHOOK_SECRET": given})
    new, old = settings.stripe_connect_webhook_secrets
    assert (new.secret, new.expires_at) == ("whsec_hunter2new", None)
    assert (old.secret, old.expires_at) == ("whsec_hunter2old", datetime(2020, 1, 1, tzinfo=UTC))
    assert "hunter2" not in repr(settings)
    for wrong, said in {
        "whsec_hunter2old@2020-01-01T00:00:00Z": "ended",
        "whsec_hunter2old@": "zone",
        "whsec_hunter2old@2020-01-01T00:00:00": "zone",
        "whsec_hunter2old@tomorrow": "zone",
    }.items():
        found = faults(PRODUCTION | {"STRIPE_WEBHOOK_SECRET": wrong})
        assert said in found["STRIPE_WEBHOOK_SECRET"]
        assert "hunter2" not in str(found)
