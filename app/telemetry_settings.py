"""Settings of what leaves a process for those who watch it: traces and reports of errors."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo

from app.connection_settings import ConnectionSettings
from app.setting_types import in_production, is_url

NEW_RELIC_TRACES_URL = "https://otlp.nr-data.net/v1/traces"
"""Where New Relic takes OTLP over HTTP; accounts in Europe have otlp.eu01.nr-data.net."""

_DSN = re.compile(r"https?://[0-9A-Za-z]{1,64}@[^/\s@?#]{1,253}(/[^/\s@?#]{1,64})*/[0-9]{1,20}")


def _traces(value: str | None) -> str | None:
    if value is None:
        return None
    if not is_url(value, "https", "http") or "@" in value:
        raise ValueError("not a URL of the form https://collector:4318/v1/traces")
    return value


def _license(value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    is_plain = (info.data.get("traces_url") or NEW_RELIC_TRACES_URL).startswith("http:")
    if value is not None and is_plain and in_production(info):
        raise ValueError("in production it travels over https only: see TOLLGATE_TRACES_URL")
    return value


def _dsn(value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    if value is None:
        return None
    if not _DSN.fullmatch(value.get_secret_value()):
        raise ValueError("not a DSN of the form https://key@host/project")
    if value.get_secret_value().startswith("http:") and in_production(info):
        raise ValueError("in production reports travel over https only")
    return value


class TelemetrySettings(ConnectionSettings):
    """The second part of `app.settings.Settings`. Without an address nothing leaves the process."""

    traces_url: Annotated[str | None, AfterValidator(_traces)] = Field(
        default=None,
        validation_alias="TOLLGATE_TRACES_URL",
        description="a receiver of OTLP over HTTP for traces: http://collector:4318/v1/traces",
    )
    traces_ratio: float = Field(
        default=1.0,
        ge=0,
        le=1,
        validation_alias="TOLLGATE_TRACES_RATIO",
        description="the share of traces that is sent, 0 to 1",
    )
    new_relic_license_key: Annotated[SecretStr | None, AfterValidator(_license)] = Field(
        default=None,
        validation_alias="TOLLGATE_NEW_RELIC_LICENSE_KEY",
        description="New Relic's license key; traces go there, or to TOLLGATE_TRACES_URL",
    )
    sentry_dsn: Annotated[SecretStr | None, AfterValidator(_dsn)] = Field(
        default=None,
        validation_alias="TOLLGATE_SENTRY_DSN",
        description="where Sentry takes reports of errors: https://key@host/project",
    )

    @property
    def traces_go_to(self) -> str | None:
        """The URL that traces are sent to; None without one."""
        if self.traces_url is None and self.new_relic_license_key is not None:
            return NEW_RELIC_TRACES_URL
        return self.traces_url
