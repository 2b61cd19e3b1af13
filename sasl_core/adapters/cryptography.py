"""Keys and ciphers of the package `cryptography`: signatures, for ECDSA-NIST256P-CHALLENGE.

    who = sasl_core.Credentials("alice", signer=signer(key))
    application = Application(store, signatures=verify)     # by the keys in the store

`key` is a private key on P-256: `load_pem_private_key`'s, or one in a token that has its
`sign`. For ECDH-X25519-CHALLENGE, whose secret key has 32 octets:

    who = sasl_core.Credentials("alice", x25519=functools.partial(x25519, secret))
    policy = application.policy(x25519=x25519)

For DIGEST-MD5's block ciphers, and for NTLM's first version (cryptography 43 or newer):

    policy = sasl_core.Policy(..., ciphers={"3des": des, "rc4": None}, ntlm_v1=des)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from .._values import Signer
    from ..layers import Cipher

__all__ = ["des", "signer", "verify", "x25519"]


def des(key: bytes, iv: bytes, *, encrypt: bool) -> Cipher:
    """Make one direction of DES in CBC mode, or of Triple DES where the key has 16 octets:
    what `Policy.ciphers` and `Policy.ntlm_v1` take.
    """
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives import ciphers

    # A key twice or thrice the same is DES; the third of two is the first.
    both = ciphers.Cipher(TripleDES((key * 3)[:24]), ciphers.modes.CBC(iv))
    one: Cipher = both.encryptor() if encrypt else both.decryptor()
    return one


def signer(key: Any) -> Signer:
    """Make what `Credentials.signer` takes: a function that signs a challenge."""

    def sign(challenge: bytes) -> bytes:
        signature: bytes = key.sign(challenge, _as_it_is())
        return signature

    return sign


def verify(point: bytes, challenge: bytes, signature: bytes) -> bool:
    """Tell whether a key has signed the challenge itself, or its SHA-256.

    `point` is the key's, of P-256: `records.EcdsaPublicKey.point`.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    for algorithm in (_as_it_is(), ec.ECDSA(SHA256())):
        try:
            key.verify(signature, challenge, algorithm)
        except InvalidSignature:
            continue
        return True
    return False


def x25519(secret: bytes, u: bytes) -> bytes:
    """Return X25519 of a secret key and a u-coordinate (RFC 7748, section 5)."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import (
        X25519PrivateKey,
        X25519PublicKey,
    )

    key = X25519PrivateKey.from_private_bytes(secret)
    shared: bytes = key.exchange(X25519PublicKey.from_public_bytes(u))
    return shared


def _as_it_is() -> Any:
    # The package hashes, unless it is told that somebody did.
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.hazmat.primitives.hashes import SHA256

    return ec.ECDSA(Prehashed(SHA256()))
