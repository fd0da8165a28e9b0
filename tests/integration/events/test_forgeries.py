"""Deliveries that are not Stripe's, with full-size payloads of a real payment: nothing is written.

The headers are made by hand, from Stripe's description alone (docs.stripe.com/webhooks/signature).
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio
import stripe

from domain.payment import Payment
from tests.events.catalog import Shape, body, event
from tests.integration.events import scenes
from tests.integration.events.mailbox import Mailbox, Moved
from tests.integration.webhooks.served import SECRET
from tests.integration.webhooks.shop import try_event

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUCCEEDED = "payment_intent.succeeded"
OTHER = "whsec_of_another"


def signed(sent: bytes, secret: str = SECRET, *, ahead: int = 0, scheme: str = "v1") -> str:
    """The header for these bytes: time, dot and bytes under HMAC-SHA256."""
    moment = int(time.time()) + ahead
    key = hmac.new(secret.encode(), f"{moment}.".encode() + sent, hashlib.sha256)
    return f"t={moment},{scheme}={key.hexdigest()}"


@dataclass(frozen=True)
class Forgery:
    """What is made of a good body: header, bytes, and more headers."""

    header: Callable[[bytes], str | None]
    change: Callable[[bytes], bytes] = lambda sent: sent
    more: Mapping[str, str] | None = None
    status: int = 400


def _right(sent: bytes) -> str:
    return signed(sent)


FORGERIES: Mapping[str, Forgery] = {
    "C1 no header": Forgery(lambda _: None),
    "C1 empty": Forgery(lambda _: ""),
    "C1 garbage": Forgery(lambda _: "garbage"),
    "C1 10 KB": Forgery(lambda sent: f"{signed(sent)},x={'y' * 10_000}"),
    "C1 a thousand": Forgery(lambda _: f"t={int(time.time())}" + f",v1={'0' * 64}" * 1_000),
    "C1 no number": Forgery(lambda sent: signed(sent).replace("t=", "t=NaN")),
    "C1 negative": Forgery(lambda sent: signed(sent).replace("t=", "t=-")),
    "C1 20 digits": Forgery(lambda sent: "t=" + "9" * 20 + "," + signed(sent).split(",")[1]),
    "C1 no time": Forgery(lambda sent: signed(sent).split(",")[1]),
    "C2 another secret": Forgery(lambda sent: signed(sent, OTHER)),
    "C2 no secret": Forgery(lambda sent: signed(sent, "")),
    "C3 a byte": Forgery(_right, lambda sent: sent.replace(b"10000", b"10001", 1)),
    "C3 written anew": Forgery(_right, lambda sent: json.dumps(json.loads(sent)).encode()),
    "C3 a mark": Forgery(_right, lambda sent: b"\xef\xbb\xbf" + sent),
    "C3 a line more": Forgery(_right, lambda sent: sent + b"\n"),
    "C3 cut": Forgery(_right, lambda sent: sent[:-1]),
    "C4 too old": Forgery(lambda sent: signed(sent, ahead=-302)),
    "C4 too early": Forgery(lambda sent: signed(sent, ahead=302)),
    "C4 tomorrow": Forgery(lambda sent: signed(sent, ahead=86_400)),
    "C4 another time": Forgery(
        lambda sent: f"t={int(time.time()) + 1},{signed(sent).split(',')[1]}"
    ),
    "C5 v0 alone": Forgery(lambda sent: signed(sent, scheme="v0")),
    "C8 packed": Forgery(_right, gzip.compress, {"Content-Encoding": "gzip"}, 415),
    "C8 a form": Forgery(
        _right, more={"Content-Type": "application/x-www-form-urlencoded"}, status=415
    ),
    "C8 too large": Forgery(
        lambda sent: signed(sent + b" " * 256 * 1024),
        lambda sent: sent + b" " * 256 * 1024,
        status=413,
    ),
    "C9 no JSON": Forgery(lambda sent: signed(sent[1:]), lambda sent: sent[1:]),
    "C9 an array": Forgery(
        lambda sent: signed(b"[" + sent + b"]"), lambda sent: b"[" + sent + b"]"
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lost(mailbox: Mailbox) -> Payment:
    """A payment that an event of Stripe's would make PAID."""
    return await scenes.lost(mailbox.shop)


async def everything(mailbox: Mailbox, payment: Payment) -> tuple[Moved, list[tuple[object, ...]]]:
    """The payment, and every event that is stored."""
    rows = await mailbox.shop.rows("select id, status from webhook_events order by id")
    return await mailbox.moved(payment), rows


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forgery_is_refused(mailbox: Mailbox, lost: Payment, name: str) -> None:
    """Refused without a word, with nothing written; the same body, well signed, would have been
    taken, as the last test of this module shows."""
    forged, before = FORGERIES[name], await everything(mailbox, lost)
    good = body(event(SUCCEEDED, await mailbox.facts(lost)))
    header = forged.header(good)
    headers = {"Content-Type": "application/json", **(forged.more or {})}
    if header is not None:
        headers["Stripe-Signature"] = header
    async with mailbox.endpoint.session.post(
        "/api/webhooks/stripe", data=forged.change(good), headers=headers
    ) as answer:
        said = await answer.read()

    assert (answer.status, said) == (forged.status, b"")
    assert await everything(mailbox, lost) == before


@pytest.mark.parametrize("shape", Shape)
async def test_what_is_signed_by_hand_is_taken(mailbox: Mailbox, shape: Shape) -> None:
    """A header made by the description alone is the library's own, and is taken: also beside a
    signature of the secret before, and again within its time, with one row and one effect."""
    payment = await scenes.lost(mailbox.shop)
    made = event(SUCCEEDED, await mailbox.facts(payment), shape)
    sent = body(made)
    header = signed(sent)
    library = stripe.WebhookSignature.generate_signature_header(
        sent.decode(), SECRET, int(header.split(",")[0].removeprefix("t="))
    )
    rolled = f"{header},v1={signed(sent, OTHER).rpartition('=')[2]},v0={'0' * 64}"
    for way in (header, rolled, signed(sent, ahead=-250), signed(sent, ahead=250), header):
        assert await mailbox.endpoint.post(sent, headers={"Stripe-Signature": way}) == 200
    stored = await mailbox.stored(made)
    await try_event(mailbox.shop.events, stored.id)

    assert str(library) == header
    assert (await mailbox.moved(payment)).timeline == ("payment.created", "payment.paid")
