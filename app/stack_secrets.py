"""The made-up secrets of a development stack, kept beside its data, which they encrypt."""

import base64
import json
import os
import secrets
from pathlib import Path

from app.keys import CREDENTIAL_KEY_BYTES, HMAC_KEY_BYTES_MIN


def stack_secrets(folder: Path) -> dict[str, str]:
    """The variables with the stack's keys: made at the first start, the same at every other. A
    key that an older stack did not know yet is added."""
    path = folder / "secrets.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    made = {str(name): str(value) for name, value in (_fresh() | kept).items()}
    if made != kept:
        draft = path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(made, file)
        draft.rename(path)
    return made


def _fresh() -> dict[str, str]:
    signing = {"kid": "development", "alg": "HS256", "key": secrets.token_urlsafe(48)}
    return {
        "STRIPE_SECRET_KEY": f"sk_test_{secrets.token_hex(16)}",
        "TOLLGATE_CREDENTIAL_KEYS": f"development:{_random(CREDENTIAL_KEY_BYTES)}",
        "TOLLGATE_JWT_KEYS": json.dumps([signing]),
        "TOLLGATE_CHECKOUT_KEYS": f"development:{_random(HMAC_KEY_BYTES_MIN)}",
    }


def _random(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode()
