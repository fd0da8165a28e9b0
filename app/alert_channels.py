"""The ways on which alerts reach people: mail, a chat room, a webhook of whoever listens."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import smtplib
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from app.guarded_http import GuardedPoster, PostFailed
from app.settings import Settings
from domain.alert_notice import Channel, Notice, NoticeRefused, body, fields, subject

SMTP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ChatChannel:
    """A room behind an incoming webhook of Slack, or of what speaks like it (docs.slack.dev,
    Sending messages using incoming webhooks)."""

    poster: GuardedPoster

    async def send(self, notice: Notice) -> None:
        """Raises NoticeRefused."""
        text = f"*{_escaped(subject(notice))}*\n{_escaped(body(notice))}"
        await _post(self.poster, json.dumps({"text": text}).encode(), {})


@dataclass(frozen=True, slots=True)
class SignedChannel:
    """A receiver that checks who speaks: Standard Webhooks 1.0.0 (standardwebhooks.com). The header
    `webhook-id` is the same at each try; `webhook-signature` is `v1,` and base64 of HMAC-SHA256
    over id, time and body, with the key that the secret holds after `whsec_`."""

    poster: GuardedPoster
    key: bytes = field(repr=False)
    seconds: Callable[[], float] = time.time

    async def send(self, notice: Notice) -> None:
        """Raises NoticeRefused."""
        told = {
            "type": f"alert.{notice.stage.lower()}",
            "timestamp": notice.created_at.isoformat(),
            "data": dict(fields(notice)),
        }
        content = json.dumps(told).encode()
        await _post(self.poster, content, self._headers(notice.id, content))

    def _headers(self, notice_id: str, content: bytes) -> Mapping[str, str]:
        at = str(int(self.seconds()))
        signed = b".".join([notice_id.encode(), at.encode(), content])
        digest = hmac.new(self.key, signed, hashlib.sha256).digest()
        return {
            "webhook-id": notice_id,
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }


@dataclass(frozen=True, slots=True)
class MailChannel:
    """Mail through an SMTP server: smtp://user:password@host:587, which must offer STARTTLS where
    there is a password, or smtps:// (RFC 8314)."""

    url: str = field(repr=False)
    sender: str
    recipients: tuple[str, ...]

    async def send(self, notice: Notice) -> None:
        """Raises NoticeRefused. The server is spoken to in a thread, which ends by its own time-out
        when nobody waits for it any more."""
        try:
            await asyncio.to_thread(self._send, notice)
        except (smtplib.SMTPException, OSError) as error:
            code = getattr(error, "smtp_code", "")
            raise NoticeRefused(f"SMTP: {type(error).__name__} {code}".rstrip()) from error

    def _send(self, notice: Notice) -> None:
        parts, context = urlsplit(self.url), ssl.create_default_context()
        with self._connected(context) as server:
            server.ehlo()
            is_plain = parts.scheme == "smtp"
            if is_plain and (parts.username or server.has_extn("starttls")):
                server.starttls(context=context)
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(self._message(notice))

    def _connected(self, context: ssl.SSLContext) -> smtplib.SMTP:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme == "smtps":
            return smtplib.SMTP_SSL(host, parts.port or 465, timeout=SMTP_SECONDS, context=context)
        return smtplib.SMTP(host, parts.port or 587, timeout=SMTP_SECONDS)

    def _message(self, notice: Notice) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = " ".join(subject(notice).split())
        message["From"] = self.sender
        message["To"] = ", ".join(self.recipients)
        # RFC 3834: nothing that answers mail by itself shall answer this one.
        message["Auto-Submitted"] = "auto-generated"
        message["Message-ID"] = f"<{notice.id}@{self.sender.rpartition('@')[2]}>"
        message.set_content(body(notice))
        return message


def channels_of(settings: Settings) -> Mapping[str, Channel]:
    """The channels that the settings name, by their names in the database."""
    found: dict[str, Channel] = {}
    if mail := settings.alert_smtp_url:
        sender, recipients = settings.alert_sender or "", settings.alert_recipients
        found["email"] = MailChannel(mail.get_secret_value(), sender, recipients)
    if chat := settings.alert_chat_url:
        found["chat"] = ChatChannel(_poster(settings, chat))
    if (hook := settings.alert_webhook_url) and (secret := settings.alert_webhook_secret):
        key = base64.b64decode(secret.get_secret_value().removeprefix("whsec_"))
        found["webhook"] = SignedChannel(_poster(settings, hook), key)
    return found


def _poster(settings: Settings, url: SecretStr) -> GuardedPoster:
    return GuardedPoster(url.get_secret_value(), allow_private=settings.alert_private_addresses)


async def _post(poster: GuardedPoster, content: bytes, headers: Mapping[str, str]) -> None:
    try:
        await poster.post(content, {"Content-Type": "application/json", **headers})
    except PostFailed as failed:
        raise NoticeRefused(str(failed)) from failed


def _escaped(text: str) -> str:
    """What the chat must not take for a link or a call to everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
