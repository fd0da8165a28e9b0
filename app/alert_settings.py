"""Settings of where alerts are sent."""

import base64
import binascii
import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from app.setting_types import in_production, is_url, listed
from app.telemetry_settings import TelemetrySettings

SECRET_BYTES_MIN = 24
"""How long a signing key is at least (Standard Webhooks 1.0.0: 24 to 64 bytes)."""

_ADDRESS = re.compile(r"[^\s@<>,;\"]{1,64}@[^\s@<>,;\"]{1,253}")


def _addresses(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = tuple(listed(value))
    if not all(_ADDRESS.fullmatch(each) for each in found):
        raise ValueError("addresses are name@host, comma separated")
    return found


def _smtp(value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    if value is None:
        return None
    if not is_url(value.get_secret_value(), "smtp", "smtps"):
        raise ValueError("not a URL of the form smtp://host")
    if not info.data.get("alert_recipients") or not info.data.get("alert_sender"):
        raise ValueError("mail needs TOLLGATE_ALERT_EMAIL_FROM and TOLLGATE_ALERT_EMAIL_TO")
    return value


def _web(value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    if value is None:
        return None
    url = value.get_secret_value()
    if not is_url(url, "https", "http"):
        raise ValueError("not a URL of the form https://host")
    is_far = not info.data.get("alert_private_addresses")
    if url.startswith("http:") and is_far and in_production(info):
        raise ValueError("in production alerts travel over https only")
    return value


def _signed(value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    if value is not None and info.data.get("alert_webhook_secret") is None:
        raise ValueError("needs TOLLGATE_ALERT_WEBHOOK_SECRET, with which it is signed")
    return value


def _secret(value: SecretStr | None) -> SecretStr | None:
    if value is None:
        return None
    try:
        key = base64.b64decode(value.get_secret_value().removeprefix("whsec_"), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < SECRET_BYTES_MIN:
        raise ValueError(f"whsec_ and base64 of {SECRET_BYTES_MIN} bytes or more")
    return value


WebUrl = Annotated[SecretStr | None, AfterValidator(_web)]


class AlertSettings(TelemetrySettings):
    """The third part of `app.settings.Settings`. Without an address nothing is sent; the alerts
    stand in the database all the same."""

    alert_private_addresses: bool = Field(
        default=False,
        validation_alias="TOLLGATE_ALERT_PRIVATE_ADDRESSES",
        description="whether the chat and the webhook may be in a private network",
    )
    alert_sender: str | None = Field(
        default=None,
        pattern=_ADDRESS,
        validation_alias="TOLLGATE_ALERT_EMAIL_FROM",
        description="the sender of alerts by mail",
    )
    alert_recipients: Annotated[tuple[str, ...], BeforeValidator(_addresses)] = Field(
        default=(),
        validation_alias="TOLLGATE_ALERT_EMAIL_TO",
        description="who gets alerts by mail, comma separated",
    )
    alert_smtp_url: Annotated[SecretStr | None, AfterValidator(_smtp)] = Field(
        default=None,
        validation_alias="TOLLGATE_ALERT_SMTP_URL",
        description="the mail server: smtp://user:password@host:587 or smtps://host",
    )
    alert_chat_url: WebUrl = Field(
        default=None,
        validation_alias="TOLLGATE_ALERT_CHAT_URL",
        description="an incoming webhook of Slack, or of a chat that takes the same",
    )
    alert_webhook_secret: Annotated[SecretStr | None, AfterValidator(_secret)] = Field(
        default=None,
        validation_alias="TOLLGATE_ALERT_WEBHOOK_SECRET",
        description="whsec_ and base64 of 24 bytes or more; signs what the webhook gets",
    )
    alert_webhook_url: Annotated[WebUrl, AfterValidator(_signed)] = Field(
        default=None,
        validation_alias="TOLLGATE_ALERT_WEBHOOK_URL",
        description="a receiver of alerts that speaks Standard Webhooks",
    )
