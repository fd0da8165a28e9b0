"""Read settings from environment variables, secrets from files where a variable says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

SECRETS = frozenset(
    {
        "DATABASE_URL",
        "REDIS_URL",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "STRIPE_CONNECT_WEBHOOK_SECRET",
        "TOLLGATE_ALERT_CHAT_URL",
        "TOLLGATE_ALERT_SMTP_URL",
        "TOLLGATE_ALERT_WEBHOOK_SECRET",
        "TOLLGATE_ALERT_WEBHOOK_URL",
        "TOLLGATE_CHECKOUT_KEYS",
        "TOLLGATE_CREDENTIAL_KEYS",
        "TOLLGATE_JWT_KEYS",
        "TOLLGATE_NEW_RELIC_LICENSE_KEY",
        "TOLLGATE_SENTRY_DSN",
    }
)
"""The variables that may be named by a file instead (`NAME_FILE`), as secret mounts do."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """Stands for a value that could not be read, so that the fault is listed with the others."""

    reason: str


class EnvironmentSource(PydanticBaseSettingsSource):
    """Reads a mapping of variables; an empty one counts as unset."""

    def __init__(self, settings_cls: type[BaseSettings], environ: Mapping[str, str]) -> None:
        super().__init__(settings_cls)
        self._environ = environ

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[object, str, bool]:
        """The variable's value (None when unset), its name, and that it is no JSON."""
        name = str(field.validation_alias)
        value: object = self._environ.get(name) or None
        path = self._environ.get(f"{name}_FILE") if name in SECRETS else None
        if path:
            both = Unusable(f"set either this or {name}_FILE, not both")
            value = both if value else _read_file(Path(path))
        return value, name, False

    def __call__(self) -> dict[str, Any]:
        """Every variable that is set, by its name."""
        fields = self.settings_cls.model_fields.items()
        found = [self.get_field_value(field, name) for name, field in fields]
        return {name: value for value, name, _ in found if value is not None}


def _read_file(path: Path) -> object:
    try:
        return path.read_text().strip() or Unusable(f"the file {path} is empty")
    except (OSError, UnicodeDecodeError) as error:
        return Unusable(f"the file {path} cannot be read: {error}")
