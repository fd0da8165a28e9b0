"""What a token costs at the door: a good one of each algorithm, and bad ones of each kind.

    python benchmarks/token_checks.py [rounds]

The floor is the bare check of an HMAC-SHA256 over a message as long as a token; the ratio to it is
what to compare between machines. A bad token must not be dearer than a good one of its length, or a
stranger could spend more of the API's time than a customer.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
from collections.abc import Callable
from functools import partial

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.auth import TOKEN_LENGTH_MAX, TokenVerifier
from app.settings import Settings, load_settings
from domain.errors import Unauthenticated
from domain.ids import Prefix, new_id

SHARED = "a shared secret of more than thirty-two bytes"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
KEYS: dict[str, PrivateKey] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
FLOOR_BYTES = 400


def settings() -> Settings:
    """Those of an API with a key of each algorithm."""
    secret = base64.b64encode(b"0" * 32).decode()
    keys = [{"kid": "HS256", "alg": "HS256", "key": SHARED}]
    for algorithm, key in KEYS.items():
        half = key.public_key()
        pem = half.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        keys.append({"kid": algorithm, "alg": algorithm, "key": pem})
    return load_settings(
        {
            "TOLLGATE_ENV": "development",
            "DATABASE_URL": "postgresql://u:p@127.0.0.1/t",
            "REDIS_URL": "redis://127.0.0.1",
            "STRIPE_SECRET_KEY": "sk_test_benchmark",
            "TOLLGATE_CREDENTIAL_KEYS": f"k:{secret}",
            "TOLLGATE_CHECKOUT_KEYS": f"c:{secret}",
            "TOLLGATE_JWT_KEYS": json.dumps(keys),
        }
    )


def tokens() -> dict[str, str]:
    """Good ones and bad ones, by what they are."""
    now = int(time.time())
    claims = {
        "iss": "tollgate-development",
        "aud": "tollgate",
        "sub": "user_1",
        "tenant": new_id(Prefix.TENANT),
        "roles": ["OPERATOR"],
        "iat": now,
        "exp": now + 3600,
    }
    signers: dict[str, PrivateKey | str] = {"HS256": SHARED, **KEYS}
    good = {
        name: jwt.encode(claims, key, algorithm=name, headers={"kid": name})
        for name, key in signers.items()
    }
    stranger = jwt.encode(claims, SHARED, algorithm="HS256", headers={"kid": "nobody"})
    bad = {f"wrong {name}": f"{token[:-8]}AAAAAAAA" for name, token in good.items()}
    note = {"note": "n" * (TOKEN_LENGTH_MAX * 3 // 4 - 400)}
    good["long HS256"] = jwt.encode(
        claims | note, SHARED, algorithm="HS256", headers={"kid": "HS256"}
    )
    long = base64.urlsafe_b64encode(b"[" * (TOKEN_LENGTH_MAX * 3 // 4 - 60)).decode()
    return good | bad | {
        "unknown kid": stranger,
        "no token": "nonsense",
        "long nonsense": f"{long}.e30.AAAA",
        "100 KB": "A" * 100_000,
    }  # fmt: skip


def microseconds(work: Callable[[], object], rounds: int) -> float:
    """What one call takes of the processor, the best of five runs."""
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for _ in range(rounds):
            work()
        best = min(best, (time.process_time() - began) / rounds)
    return best * 1e6


def main(rounds: int) -> None:
    """Prints a line for each."""
    message, key = b"m" * FLOOR_BYTES, SHARED.encode()
    floor = microseconds(lambda: hmac.digest(key, message, hashlib.sha256), rounds)
    print(f"{'bare HMAC-SHA256':20} {floor:8.1f} us      1")
    verifier = TokenVerifier(settings())
    for name, token in tokens().items():
        took = microseconds(partial(check, verifier, f"Bearer {token}", rounds), 1) / rounds
        print(f"{name:20} {took:8.1f} us {took / floor:6.0f}")


def check(verifier: TokenVerifier, header: str, rounds: int) -> None:
    """Checks the token so often."""

    async def checks() -> None:
        for _ in range(rounds):
            try:
                await verifier.verify(header)
            except Unauthenticated:
                continue

    asyncio.run(checks())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
