"""Our signature check against the library's own."""

from __future__ import annotations

import time

import pytest
import stripe
from hypothesis import example, given
from hypothesis import strategies as st

from webhooks.signature import HEADER_LENGTH_MAX, TOLERANCE_SECONDS, is_signed

SECRET = "whsec_the_active_one"
OTHER = "whsec_the_one_before"
BODY = b'{"id": "evt_1"}'

_MARGIN = 5
"""Seconds that timestamps keep from the tolerance's edge, so that both checks may read the clock
at slightly different moments."""


def sign(body: bytes, secret: str, timestamp: int) -> str:
    """The library's signature alone, without the time."""
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, timestamp)
    return str(header).rpartition("=")[2]


def accepted_by_library(body: bytes, header: str, secret: str) -> bool:
    """What the library says of the header; anything that it raises is a refusal."""
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, TypeError, ValueError):
        return False
    return True


_offsets = st.one_of(
    st.integers(-TOLERANCE_SECONDS + _MARGIN, TOLERANCE_SECONDS - _MARGIN),
    st.integers(-(10**12), -TOLERANCE_SECONDS - _MARGIN),
)
_bodies = st.text(max_size=60).map(lambda text: text.encode("utf-8", "ignore"))
_noise = st.sampled_from(
    ["", "=", "t", "t=", "v1", "v1=", "v1=ab=cd", "v0=00", "t=abc", "t=1_0", "t= 7", "v1=é", "x=1"]
)


@st.composite
def _headers(draw: st.DrawFn) -> tuple[bytes, str]:
    """A body and a header: right and wrong parts of each kind, in any order."""
    body = draw(_bodies)
    timestamp = int(time.time()) + draw(_offsets)
    right = sign(body, SECRET, timestamp)
    one_part = st.one_of(
        st.sampled_from(
            [
                f"t={timestamp}",
                f"v1={right}",
                f"v1={right.upper()}",
                f"v1={right[:-1]}",
                f"v1={sign(body, OTHER, timestamp)}",
                f"v1={sign(body, SECRET, timestamp + 1)}",
                f"v0={right}",
                f" v1={right}",
                f"t=+{timestamp}",
                f"t={timestamp}.0",
            ]
        ),
        _noise,
    )
    start = draw(st.sampled_from([[f"t={timestamp}", f"v1={right}"], [f"t={timestamp}"], []]))
    parts = start + draw(st.lists(one_part, max_size=5))
    return body, ",".join(draw(st.permutations(parts)))


@given(_headers())
@example((BODY, ""))
@example((BODY, "t=1"))
@example((BODY, "v1=1"))
def test_agrees_with_the_library(made: tuple[bytes, str]) -> None:
    """Up to the tolerance ahead of now, our answer is the library's answer."""
    body, header = made

    assert accepted_by_library(body, header, SECRET) is is_signed(
        body, header, [SECRET], time.time()
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [("", ",v1=é"), ("v1=é,", ""), ("v1=\ud800,", ""), ("v0=é,", ""), ("é,", "")],
)
def test_agrees_with_the_library_beyond_ascii(before: str, after: str) -> None:
    """A signature that is not ASCII counts as the library counts it: it ends the comparison."""
    now = int(time.time())
    header = f"t={now},{before}v1={sign(BODY, SECRET, now)}{after}"

    assert accepted_by_library(BODY, header, SECRET) is is_signed(BODY, header, [SECRET], now)


@given(st.text(max_size=200))
def test_agrees_with_the_library_on_garbage(header: str) -> None:
    """Any text as a header is answered, and as the library answers it."""
    assert accepted_by_library(BODY, header, SECRET) is is_signed(
        BODY, header, [SECRET], time.time()
    )


@pytest.mark.parametrize("age", [0, 1, 300, -1, -300])
def test_fresh_on_both_sides(age: int) -> None:
    """A signature is good for 300 s before and after its time."""
    header = f"t=1000000,v1={sign(BODY, SECRET, 1_000_000)}"

    assert is_signed(BODY, header, [SECRET], 1_000_000 + age)


@pytest.mark.parametrize("age", [301, 86_400, -301, -86_400])
def test_stale_on_both_sides(age: int) -> None:
    """A signature from more than 300 s ago, or as far ahead of us, is refused."""
    header = f"t=1000000,v1={sign(BODY, SECRET, 1_000_000)}"

    assert not is_signed(BODY, header, [SECRET], 1_000_000 + age)


@pytest.mark.parametrize("secret", [SECRET, OTHER])
def test_every_active_secret_counts(secret: str) -> None:
    """While secrets rotate, a body signed with any of them is accepted."""
    header = f"t=100,v1={sign(BODY, secret, 100)}"

    assert is_signed(BODY, header, [OTHER, SECRET], 100)


def test_every_signature_counts() -> None:
    """While secrets rotate, the header carries several signatures and one of them is enough."""
    header = f"t=100,v1={'0' * 64},v1={sign(BODY, SECRET, 100)},v1={'1' * 64}"

    assert is_signed(BODY, header, [SECRET], 100)


@pytest.mark.parametrize("secrets", [[], [""], ["  "], [OTHER]])
def test_without_the_secret_nothing_is_signed(secrets: list[str]) -> None:
    """No secret, a blank one and another's verify nothing, an empty key's signature included."""
    signatures = ",".join(f"v1={sign(BODY, secret, 100)}" for secret in ("", "  ", SECRET))

    assert not is_signed(BODY, f"t=100,{signatures}", secrets, 100)


@pytest.mark.parametrize(
    "changed", [BODY + b"\n", b"\xef\xbb\xbf" + BODY, BODY.replace(b" ", b""), BODY[:-1], b""]
)
def test_a_changed_byte_is_refused(changed: bytes) -> None:
    """The signature holds for the very bytes: a newline, a mark or a re-written body is another."""
    header = f"t=100,v1={sign(BODY, SECRET, 100)}"

    assert is_signed(BODY, header, [SECRET], 100)
    assert not is_signed(changed, header, [SECRET], 100)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garbage",
        "t=NaN,v1=00",
        "t=-1,v1=00",
        "t=" + "9" * 20 + ",v1=00",
        "t=" + "9" * 4000 + ",v1=00",
        "t=100" + ",v1=" * 900,
        "t=100," + "v1=" + "0" * 10_000,
    ],
    ids=lambda _: "header",
)
def test_bad_headers_are_refused(header: str | None) -> None:
    """A missing, malformed, absurd or huge header is a refusal, never an error."""
    assert not is_signed(BODY, header, [SECRET], 100)


def test_a_header_beyond_the_cap_is_refused_even_if_right() -> None:
    """The cap on the header's length is the one place where a good signature is not read."""
    right = f"t=100,v1={sign(BODY, SECRET, 100)}"
    padded = right + "," + "x" * (HEADER_LENGTH_MAX - len(right) - 1)

    assert is_signed(BODY, padded, [SECRET], 100)
    assert not is_signed(BODY, padded + "x", [SECRET], 100)
