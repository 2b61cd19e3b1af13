"""ECDSA-NIST256P-CHALLENGE with the keys of the package cryptography, on both sides; the
server is an application whose store has the public one.
"""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl
from sasl_core import records
from sasl_core.adapters.cryptography import signer, verify
from sasl_core.backends import Account, Application
from sasl_core.backends.memory import MemoryStore

from .checks import OURS
from .outcomes import note
from .packages import need_package

NAME = "ECDSA-NIST256P-CHALLENGE"
CHANNEL = sasl.Channel(False)


class CryptographyTest(unittest.TestCase):
    """Its API hashes, unless it is told that somebody did."""

    def setUp(self) -> None:
        """Make keys, and an application that has two of them."""
        package = "cryptography.hazmat.primitives"
        self.ec: Any = need_package(f"{package}.asymmetric.ec")
        self.hashes: Any = need_package(f"{package}.hashes")
        self.form: Any = need_package(f"{package}.serialization")
        curve = self.ec.SECP256R1()
        self.key, self.second, self.other = (
            self.ec.generate_private_key(curve) for _ in range(3)
        )
        account = Account([*self.public(self.second), *self.public(self.key)])
        self.application = Application(
            MemoryStore({"user": account}), signatures=verify
        )

    def public(self, key: Any) -> tuple[records.Record, ...]:
        """Read what the package writes of a public key."""
        form = self.form.PublicFormat.SubjectPublicKeyInfo
        text = key.public_key().public_bytes(self.form.Encoding.PEM, form)
        return records.parse(text.decode())

    def log_in(self, sign: Any, username: str = "user") -> Any:
        """Run an exchange of ours, signed by this function."""
        mine = sasl.Credentials(username, signer=sign)
        policy = self.application.policy()
        client = sasl.client(
            NAME, mine, channel=CHANNEL, policy=sasl.Policy(allow=[NAME])
        )
        server = sasl.server(
            NAME,
            channel=CHANNEL,
            policy=policy,
            answers=self.application.requests,
        )
        event: Any = server.start(client.start())
        event = server.step(client.step(event.data))
        return self.application.answer(event)

    def test_signatures(self) -> None:
        """Of the challenge as it is, and hashed once more; by the keys, and another."""
        hashing = self.ec.ECDSA(self.hashes.SHA256())
        for how, of in (
            ("as it is", signer),
            ("hashed", lambda key: lambda octets: key.sign(octets, hashing)),
        ):
            for _ in range(50):  # r and s are of all sizes
                for key in (self.key, self.second):
                    event = self.log_in(of(key))
                    self.assertEqual(event.identity, sasl.Identity("user"))
                for key, name in ((self.other, "user"), (self.key, "nobody")):
                    event = self.log_in(of(key), name)
                    self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
            note(OURS, OURS, NAME, f"cryptography, {how}", "accepted, foreign refused")


if __name__ == "__main__":
    unittest.main()
