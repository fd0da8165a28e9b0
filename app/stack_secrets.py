"""The made-up secrets of a development stack, kept beside its data, which they encrypt."""

import base64
import json
import os
import secrets
from pathlib import Path

from app.keys import CREDENTIAL_KEY_BYTES


def stack_secrets(folder: Path) -> dict[str, str]:
    """The variables with the stack's keys: made at the first start, the same at every other."""
    path = folder / "secrets.json"
    if not path.exists():
        draft = path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(_fresh(), file)
        draft.rename(path)
    return {str(name): str(value) for name, value in json.loads(path.read_text()).items()}


def _fresh() -> dict[str, str]:
    key = base64.b64encode(secrets.token_bytes(CREDENTIAL_KEY_BYTES)).decode()
    signing = {"kid": "development", "alg": "HS256", "key": secrets.token_urlsafe(48)}
    return {
        "STRIPE_SECRET_KEY": f"sk_test_{secrets.token_hex(16)}",
        "TOLLGATE_CREDENTIAL_KEYS": f"development:{key}",
        "TOLLGATE_JWT_KEYS": json.dumps([signing]),
    }
