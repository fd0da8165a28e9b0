"""The channels against real servers of this machine, and what the guard keeps them from."""

from __future__ import annotations

import base64
import email
import hashlib
import hmac
import json
from datetime import UTC, datetime
from email.policy import default

import pytest

from app.alert_channels import ChatChannel, MailChannel, SignedChannel, channels_of
from app.guarded_http import GuardedPoster, PostFailed, is_public
from app.settings import load_settings
from domain.alert import Alert, AlertSeverity
from domain.alert_notice import Notice, NoticeRefused, Stage
from domain.ids import Prefix, new_id
from tests.integration.alerts.sinks import mail_sink, web_sink
from tests.unit.app.test_settings import KEY, PRODUCTION

NOW = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
PRIVATE = (
    "http://127.0.0.1:{port}/", "http://[::1]:{port}/", "http://localhost:{port}/",
    "http://127.1:{port}/", "http://2130706433:{port}/", "http://0x7f000001:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/", "http://0.0.0.0:{port}/", "http://10.0.0.1/",
    "http://172.16.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/", "http://[fd00::1]/", "http://[fe80::1]/", "http://[2002:7f00:1::]/",
    "http://224.0.0.1/", "http://[64:ff9b::7f00:1]/",
)  # fmt: skip


def a_notice(message: str = "An event waits for 301 s.") -> Notice:
    """That something began."""
    alert = Alert(
        id=new_id(Prefix.ALERT),
        rule="webhook.lag",
        severity=AlertSeverity.HIGH,
        subject_id="platform",
        message=message,
        tenant_id=None,
        opened_at=NOW,
    )
    return Notice(
        id=new_id(Prefix.ALERT_NOTICE),
        stage=Stage.OPENED,
        channel="x",
        alert=alert,
        attempts=0,
        created_at=NOW,
    )


async def test_a_chat_room_gets_a_text() -> None:
    """In the form of Slack, where nothing in it is a link or calls everybody."""
    async with web_sink() as sink:
        room = ChatChannel(GuardedPoster(sink.url, allow_private=True))
        await room.send(a_notice("Hello <!channel> & all"))
        ((headers, body),) = sink.got
    text = json.loads(body)["text"]
    assert headers["Content-Type"] == "application/json"
    assert text.startswith("*[HIGH] webhook.lag opened: Hello &lt;!channel&gt; &amp; all*\n")
    assert "runbook: docs/monitoring.md#webhooklag" in text


async def test_a_webhook_is_signed() -> None:
    """As Standard Webhooks say: the receiver computes the same signature from what came."""
    key = b"k" * 24
    async with web_sink() as sink:
        notice = a_notice()
        poster = GuardedPoster(sink.url, allow_private=True)
        await SignedChannel(poster, key, lambda: 1_700_000_000.5).send(notice)
        ((headers, body),) = sink.got
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == (notice.id, "1700000000")
    told = json.loads(body)
    assert told["type"] == "alert.opened"
    assert told["data"]["rule"] == "webhook.lag"
    assert told["data"]["tenantId"] is None


@pytest.mark.parametrize("status", [301, 307, 400, 404, 429, 500])
async def test_only_success_is_taken(status: int) -> None:
    """Another answer is a refusal, and nobody is followed to where it points."""
    async with web_sink() as sink, web_sink() as elsewhere:
        sink.status, sink.location = status, elsewhere.url
        with pytest.raises(NoticeRefused, match=str(status)):
            await ChatChannel(GuardedPoster(sink.url, allow_private=True)).send(a_notice())
        assert len(sink.got) == 1
        assert elsewhere.got == []


@pytest.mark.parametrize("url", PRIVATE)
async def test_the_own_network_is_out_of_reach(url: str) -> None:
    """By whatever spelling, and by a name that leads there, unless an operator allows it."""
    async with web_sink() as sink:
        port = sink.url.split(":")[2].split("/")[0]
        with pytest.raises(PostFailed):
            await GuardedPoster(url.format(port=port), allow_private=False).post(b"{}", {})
        assert sink.got == []


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "203.0.112.1"])
def test_the_public_internet_is_within_reach(address: str) -> None:
    """Addresses that anybody may call."""
    assert is_public(address)


async def test_a_refusal_shows_no_secret() -> None:
    """The path of a chat's address is its password: only the host is named."""
    poster = GuardedPoster("http://127.0.0.1:1/services/hunter2", allow_private=True)
    with pytest.raises(PostFailed) as failed:
        await poster.post(b"{}", {})
    assert "hunter2" not in str(failed.value)
    assert "127.0.0.1" in str(failed.value)


async def test_mail_is_sent() -> None:
    """To everyone, in one message, which no other program answers."""
    async with mail_sink() as sink:
        channel = MailChannel(
            f"smtp://127.0.0.1:{sink.port}", "t@example.com", ("a@x.test", "b@x.test")
        )
        notice = a_notice("First line\nsecond: é")
        await channel.send(notice)
        (sent,) = sink.got
    message = email.message_from_string(sent, policy=default)
    assert message["To"] == "a@x.test, b@x.test"
    assert message["Subject"] == "[HIGH] webhook.lag opened: First line second: é"
    assert message["Auto-Submitted"] == "auto-generated"
    assert notice.id in message["Message-ID"]


async def test_a_password_does_not_travel_in_the_clear() -> None:
    """A server without STARTTLS gets no password, and a recipient that is refused is no success."""
    async with mail_sink() as sink:
        sink.offers = ("AUTH PLAIN LOGIN",)
        url = f"smtp://user:hunter2@127.0.0.1:{sink.port}"
        with pytest.raises(NoticeRefused, match="SMTP") as refused:
            await MailChannel(url, "t@example.com", ("a@x.test",)).send(a_notice())
        assert sink.got == []
        assert "hunter2" not in str(refused.value)
    async with mail_sink() as sink:
        sink.refuses_recipients = True
        url = f"smtp://127.0.0.1:{sink.port}"
        with pytest.raises(NoticeRefused):
            await MailChannel(url, "t@example.com", ("a@x.test",)).send(a_notice())


def test_the_settings_name_the_channels() -> None:
    """Each that has an address, and no other."""
    assert set(channels_of(load_settings(PRODUCTION))) == {"email", "chat", "webhook"}
    bare = {name: text for name, text in PRODUCTION.items() if "ALERT" not in name}
    assert channels_of(load_settings(bare)) == {}
    chat = bare | {"TOLLGATE_ALERT_CHAT_URL": "https://chat.example.com/x"}
    assert set(channels_of(load_settings(chat))) == {"chat"}
    assert KEY not in repr(channels_of(load_settings(PRODUCTION)))
