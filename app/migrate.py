"""Bring the database's tables up to date."""

import os
from pathlib import Path

from alembic import command
from alembic.config import Config

import db


def migrate(database_url: str) -> None:
    """Apply every migration that is missing, all of them in one transaction.

    The migrations read the URL from the environment, as they do under the `alembic` command.
    """
    os.environ["DATABASE_URL"] = database_url
    config = Config()
    config.set_main_option("script_location", str(Path(db.__path__[0]) / "migrations"))
    command.upgrade(config, "head")
