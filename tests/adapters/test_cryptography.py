"""The adapter of cryptography, by stand-ins; tests/interop has the real package."""

from __future__ import annotations

import functools
import sys
import unittest
from types import SimpleNamespace
from typing import Any
from unittest import mock

from sasl_core.adapters import cryptography

CHALLENGE, POINT, SECRET, U = b"challenge", b"point", b"secret", b"u"


class InvalidSignature(Exception):
    """As the package's."""


def sign(challenge: bytes, algorithm: str) -> bytes:
    """Say what was signed, and how."""
    return challenge + f" {algorithm}".encode()


def public(curve: str, point: bytes) -> Any:
    """Make a public key."""

    def verify(signature: bytes, challenge: bytes, algorithm: str) -> None:
        if (curve, point, signature) != ("P-256", POINT, sign(challenge, algorithm)):
            raise InvalidSignature

    return SimpleNamespace(verify=verify)


def modules() -> dict[str, Any]:
    """Return what the adapter imports; each thing is what it was made of."""
    base = "cryptography.hazmat.primitives"
    ec = SimpleNamespace(
        SECP256R1=lambda: "P-256",
        ECDSA=lambda algorithm: f"by {algorithm}",
        EllipticCurvePublicKey=SimpleNamespace(from_encoded_point=public),
    )
    secret = SimpleNamespace(
        from_private_bytes=lambda secret: SimpleNamespace(
            exchange=lambda other: secret + other
        )
    )
    u = SimpleNamespace(from_public_bytes=lambda u: u)
    ciphers = SimpleNamespace(
        Cipher=lambda key, mode: SimpleNamespace(
            encryptor=lambda: ("encrypts", key, mode),
            decryptor=lambda: ("decrypts", key, mode),
        ),
        modes=SimpleNamespace(CBC=lambda iv: iv),
    )
    return {
        "cryptography.exceptions": SimpleNamespace(InvalidSignature=InvalidSignature),
        "cryptography.hazmat.decrepit.ciphers.algorithms": SimpleNamespace(
            TripleDES=lambda key: key
        ),
        base: SimpleNamespace(ciphers=ciphers),
        f"{base}.asymmetric": SimpleNamespace(ec=ec),
        f"{base}.asymmetric.utils": SimpleNamespace(Prehashed=lambda of: f"no {of}"),
        f"{base}.asymmetric.x25519": SimpleNamespace(
            X25519PrivateKey=secret, X25519PublicKey=u
        ),
        f"{base}.hashes": SimpleNamespace(SHA256=lambda: "SHA-256"),
    }


class CryptographyTest(unittest.TestCase):
    """What is asked of the package."""

    def setUp(self) -> None:
        self.enterContext(mock.patch.dict(sys.modules, modules()))

    def test_a_signature(self) -> None:
        """Of the challenge as it is; verified, one of its SHA-256 is as good."""
        signed = cryptography.signer(SimpleNamespace(sign=sign))(CHALLENGE)
        self.assertEqual(signed, b"challenge by no SHA-256")
        verify = functools.partial(cryptography.verify, POINT, CHALLENGE)
        self.assertIs(verify(signed), True)
        self.assertIs(verify(b"challenge by SHA-256"), True)
        self.assertIs(verify(b"another by SHA-256"), False)
        self.assertIs(cryptography.verify(b"another", CHALLENGE, signed), False)

    def test_x25519(self) -> None:
        self.assertEqual(cryptography.x25519(SECRET, U), SECRET + U)

    def test_des(self) -> None:
        """A key thrice; the third of two is the first."""
        one, two = b"1" * 8, b"2" * 8
        for key, thrice in ((one, one * 3), (one + two, one + two + one)):
            for encrypt, word in ((True, "encrypts"), (False, "decrypts")):
                made: Any = cryptography.des(key, b"iv", encrypt=encrypt)
                self.assertEqual(made, (word, thrice, b"iv"))
