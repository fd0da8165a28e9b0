"""AES-256-GCM for what the database must not show: credentials, requests, client secrets.

A blob is: the length of the key's id (1 byte), that id, the nonce (12 bytes), the ciphertext
with its tag (16 bytes). The nonce is 96 random bits, fresh for each blob (NIST SP 800-38D, 8.2.2).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BYTES = 32
_NONCE_BYTES = 12
_KEY_ID_BYTES_MAX = 255


class AesGcmCipher:
    """Implements `domain.ports.Cipher`. Encrypts with the active key, decrypts with any of them."""

    def __init__(self, keys: Mapping[str, bytes], active: str) -> None:
        """Raises ValueError for a key that has not 32 bytes, or an active key that is not there."""
        for key_id, key in keys.items():
            if not 0 < len(key_id.encode()) <= _KEY_ID_BYTES_MAX or len(key) != _KEY_BYTES:
                raise ValueError(f"key {key_id!r} must have a short id and {_KEY_BYTES} bytes")
        if active not in keys:
            raise ValueError(f"the active key {active!r} is not among the keys")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._active = active

    @property
    def active(self) -> str:
        """The id of the key that encrypts."""
        return self._active

    @property
    def active_header(self) -> bytes:
        """What every blob under the active key begins with, and no other."""
        key_id = self._active.encode()
        return bytes([len(key_id)]) + key_id

    def encrypt(self, plaintext: bytes, context: str) -> bytes:
        """A fresh blob under the active key, bound to the context."""
        header = self.active_header
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._active].encrypt(nonce, plaintext, header + context.encode())
        return header + nonce + sealed

    def decrypt(self, ciphertext: bytes, context: str) -> bytes:
        """The plaintext. Raises ValueError for a blob that was altered or moved, or a lost key."""
        header, nonce, sealed = _parts(ciphertext)
        cipher = self._ciphers.get(header[1:].decode(errors="replace"))
        if cipher is None:
            raise ValueError("the key of this ciphertext is not known")
        try:
            return cipher.decrypt(nonce, sealed, header + context.encode())
        except InvalidTag as error:
            raise ValueError(
                "the ciphertext was altered, moved, or made with another key"
            ) from error


def _parts(blob: bytes) -> tuple[bytes, bytes, bytes]:
    if not blob or len(blob) < 1 + blob[0] + _NONCE_BYTES:
        raise ValueError("the ciphertext is cut off")
    start = 1 + blob[0]
    return blob[:start], blob[start : start + _NONCE_BYTES], blob[start + _NONCE_BYTES :]
