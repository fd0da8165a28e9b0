"""AES-256-GCM: what is sealed opens again, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.cipher import AesGcmCipher

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


@pytest.fixture(scope="module")
def cipher() -> AesGcmCipher:
    """A cipher with one key."""
    return AesGcmCipher({"k1": OLD}, "k1")


@given(plaintext=st.binary(max_size=200), context=st.text(max_size=50))
def test_opens_what_it_sealed(cipher: AesGcmCipher, plaintext: bytes, context: str) -> None:
    """Any plaintext comes back under the context that it was sealed with."""
    assert plaintext == cipher.decrypt(cipher.encrypt(plaintext, context), context)


@given(data=st.data())
def test_refuses_an_altered_byte(cipher: AesGcmCipher, data: st.DataObject) -> None:
    """One bit changed anywhere, in the key's id, nonce, text or tag, makes the blob unreadable."""
    blob = bytearray(cipher.encrypt(b"secret", "context"))
    position = data.draw(st.integers(0, len(blob) - 1))
    blob[position] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(ValueError, match="ciphertext"):
        cipher.decrypt(bytes(blob), "context")


def test_refuses_every_shorter_blob(cipher: AesGcmCipher) -> None:
    """A blob that lost its end is refused at each length."""
    blob = cipher.encrypt(b"secret", "context")

    for length in range(len(blob)):
        with pytest.raises(ValueError, match="ciphertext"):
            cipher.decrypt(blob[:length], "context")


def test_refuses_another_context(cipher: AesGcmCipher) -> None:
    """A blob moved to another row does not open there."""
    blob = cipher.encrypt(b"secret", "ten_1|payments|next_action|pay_1")

    with pytest.raises(ValueError, match="moved"):
        cipher.decrypt(blob, "ten_1|payments|next_action|pay_2")


def test_never_seals_alike(cipher: AesGcmCipher) -> None:
    """The nonce is fresh each time, so equal plaintexts look different."""
    assert len({cipher.encrypt(b"secret", "context") for _ in range(100)}) == 100


def test_hides_the_plaintext(cipher: AesGcmCipher) -> None:
    """Neither the plaintext nor the key stands in the blob."""
    blob = cipher.encrypt(b"client-secret-value", "context")

    assert b"client-secret-value" not in blob
    assert OLD not in blob


def test_reads_the_old_key_after_rotation() -> None:
    """A new active key seals; blobs of the old one still open while it is kept."""
    blob = AesGcmCipher({"k1": OLD}, "k1").encrypt(b"secret", "context")
    rotated = AesGcmCipher({"k2": NEW, "k1": OLD}, "k2")

    assert rotated.decrypt(blob, "context") == b"secret"
    assert rotated.encrypt(b"secret", "context")[:3] == b"\x02k2"


def test_refuses_a_lost_key() -> None:
    """A blob whose key is gone, or was replaced under the same id, is refused."""
    blob = AesGcmCipher({"k1": OLD}, "k1").encrypt(b"secret", "context")

    with pytest.raises(ValueError, match="not known"):
        AesGcmCipher({"k2": NEW}, "k2").decrypt(blob, "context")
    with pytest.raises(ValueError, match="another key"):
        AesGcmCipher({"k1": NEW}, "k1").decrypt(blob, "context")


@pytest.mark.parametrize(
    ("keys", "active"),
    [
        ({}, "k1"),
        ({"k1": OLD}, "k2"),
        ({"k1": OLD[:16]}, "k1"),
        ({"": OLD}, ""),
        ({"k" * 256: OLD}, "k" * 256),
    ],
    ids=["none", "active missing", "short key", "empty id", "long id"],
)
def test_refuses_unusable_keys(keys: dict[str, bytes], active: str) -> None:
    """Keys that could not be used are refused when the cipher is made, not when it is needed."""
    with pytest.raises(ValueError, match="key"):
        AesGcmCipher(keys, active)
