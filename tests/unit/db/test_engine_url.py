"""A database URL as people write it, for the driver that is used."""

import pytest

from db.engine import make_engine


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://u:p@h:5432/d", "postgresql+asyncpg://u:p@h:5432/d"),
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql://u:p%40%2F@h/d", "postgresql+asyncpg://u:p%40%2F@h/d"),
        ("postgresql://u:p@h/d?sslmode=require", "postgresql+asyncpg://u:p@h/d?ssl=require"),
    ],
)
def test_any_postgresql_url_is_taken(given: str, used: str) -> None:
    """Scheme and `sslmode` are libpq's; the password may hold any character."""
    engine = make_engine(given)

    assert used == engine.url.render_as_string(hide_password=False)


def test_the_password_is_not_printed() -> None:
    """An engine in a log line or a traceback does not give its password away."""
    assert "hunter2" not in repr(make_engine("postgresql://u:hunter2@h/d"))
