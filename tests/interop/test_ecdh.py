"""ECDH-X25519-CHALLENGE with the keys of the package cryptography, on both sides; the
server is an application whose store has the public one.
"""

from __future__ import annotations

import os
import unittest
from functools import partial
from typing import Any

import sasl_core as sasl
from sasl_core import records
from sasl_core.adapters.cryptography import x25519
from sasl_core.backends import Account, Application
from sasl_core.backends.memory import MemoryStore

from .checks import OURS
from .outcomes import note
from .packages import need_package

NAME = "ECDH-X25519-CHALLENGE"
CHANNEL = sasl.Channel(False)


class CryptographyTest(unittest.TestCase):
    """Its X25519, and public keys as it writes them."""

    def test_keys(self) -> None:
        """Of the user, of another, and of nobody."""
        module: Any = need_package("cryptography.hazmat.primitives.asymmetric.x25519")
        form: Any = need_package("cryptography.hazmat.primitives.serialization")
        for _ in range(50):
            mine, other = os.urandom(32), os.urandom(32)
            key = module.X25519PrivateKey.from_private_bytes(mine).public_key()
            kind = form.PublicFormat.SubjectPublicKeyInfo
            pem = key.public_bytes(form.Encoding.PEM, kind).decode()
            account = Account(records.parse(pem))
            application = Application(MemoryStore({"user": account}))
            policy = application.policy(x25519=x25519)
            event = self.log_in(mine, "user", application, policy)
            self.assertEqual(event.identity, sasl.Identity("user"))
            for secret, name in ((other, "user"), (mine, "nobody")):
                event = self.log_in(secret, name, application, policy)
                self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
        note(OURS, OURS, NAME, "cryptography", "accepted, foreign refused")

    def log_in(
        self, secret: bytes, name: str, application: Application, policy: sasl.Policy
    ) -> Any:
        """Run an exchange of ours with this secret key."""
        mine = sasl.Credentials(name, x25519=partial(x25519, secret))
        allow = sasl.Policy(allow=[NAME])
        client = sasl.client(NAME, mine, channel=CHANNEL, policy=allow)
        server = sasl.server(
            NAME, channel=CHANNEL, policy=policy, answers=application.requests
        )
        event: Any = application.answer(server.start(client.start()))
        return server.step(client.step(event.data))


if __name__ == "__main__":
    unittest.main()
