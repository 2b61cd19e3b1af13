"""ECDSA-NIST256P-CHALLENGE with the keys of the package cryptography, on both sides."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl
from sasl_core import profiles

from .packages import need_package

NAME = "ECDSA-NIST256P-CHALLENGE"


class CryptographyTest(unittest.TestCase):
    """Its API hashes, unless it is told that somebody did."""

    def setUp(self) -> None:
        """Make a key."""
        package = "cryptography.hazmat.primitives"
        self.ec: Any = need_package(f"{package}.asymmetric.ec")
        utils: Any = need_package(f"{package}.asymmetric.utils")
        hashes: Any = need_package(f"{package}.hashes")
        self.raw = self.ec.ECDSA(utils.Prehashed(hashes.SHA256()))
        self.hashing = self.ec.ECDSA(hashes.SHA256())
        self.invalid: Any = need_package("cryptography.exceptions").InvalidSignature
        self.key = self.ec.generate_private_key(self.ec.SECP256R1())

    def verify(self, challenge: bytes, signature: bytes) -> bool:
        """Take a signature of the challenge, or of its hash."""
        for algorithm in (self.raw, self.hashing):
            try:
                self.key.public_key().verify(signature, challenge, algorithm)
            except self.invalid:
                continue
            return True
        return False

    def log_in(self, key: Any, algorithm: Any) -> sasl.Event:
        """Run an exchange of ours, signed by this key."""
        facts: Any = {
            "channel": sasl.Channel(False),
            "policy": sasl.Policy(allow=[NAME]),
            "profile": profiles.RAW,
        }
        mine = sasl.Credentials(
            "user", signer=lambda challenge: key.sign(challenge, algorithm)
        )
        client, server = sasl.client(NAME, mine, **facts), sasl.server(NAME, **facts)
        challenge = server.start(client.start())
        request = server.step(client.step(challenge.data))
        self.assertIsInstance(request, sasl.VerifySignature)
        return request.answer(self.verify(request.challenge, request.signature))

    def test_signatures(self) -> None:
        """Of the challenge as it is, and hashed once more; by the key, and another."""
        other = self.ec.generate_private_key(self.ec.SECP256R1())
        for algorithm in (self.raw, self.hashing):
            for _ in range(50):  # r and s are of all sizes
                self.assertIsInstance(self.log_in(self.key, algorithm), sasl.Success)
            self.assertIsInstance(self.log_in(other, algorithm), sasl.Failure)


if __name__ == "__main__":
    unittest.main()
