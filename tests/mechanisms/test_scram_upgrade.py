"""SCRAM upgrade tasks (XEP-0480): who logged in by one hash gives the keys of another."""

from __future__ import annotations

import hashlib
import unittest
from base64 import b64encode
from typing import Any

import sasl_core as sasl
from sasl_core import Reason, profiles
from sasl_core.mechanisms import find
from sasl_core.mechanisms.scram_upgrade import UPGRADES

CHANNEL = sasl.Channel(True, service="xmpp", host="example.org")
SALT = b"sixteen octets.."
TASK = UPGRADES["UPGR-SCRAM-SHA-256"]


def begin(task: Any = TASK, user: str = "user", **options: Any) -> sasl.Server:
    """Begin the server's side, for who has logged in."""
    return sasl.server(
        task, channel=CHANNEL, profile=profiles.RAW, username=user, **options
    )


def answering(task: Any = TASK, password: str = "pencil", **options: Any) -> Any:
    """Begin the client's side."""
    return sasl.client(
        task,
        sasl.Credentials("user", password),
        channel=CHANNEL,
        profile=profiles.RAW,
        **options,
    )


class UpgradeTest(unittest.TestCase):
    """From one hash to another."""

    def test_the_new_keys_are_good(self) -> None:
        """Each hash's: whoever has the password logs in by them."""
        for name, task in UPGRADES.items():
            mechanism = name.removeprefix("UPGR-")
            server, client = begin(task), answering(task)
            said = server.start()
            request = server.step(client.step(said.data))
            self.assertIsInstance(request, sasl.SaveScramKeys)
            self.assertEqual(request.username, "user")
            keys = request.keys
            with self.subTest(name):
                self.assertEqual(keys.scheme, mechanism)
                self.assertGreaterEqual(keys.iterations, 4096)
                self.assertEqual(
                    keys,
                    sasl.ScramKeys.derive(
                        "pencil",
                        keys.hash_name,
                        iterations=keys.iterations,
                        salt=keys.salt,
                    ),
                )
                event = request.answer(True)
                self.assertEqual(event.identity, sasl.Identity("user"))
                client.finish()

    def test_the_messages(self) -> None:
        """RFC 5802's SaltedPassword, of a password that SASLprep prepared."""
        server = begin(nonce=SALT)
        said = server.start().data
        self.assertEqual(said, b"s=c2l4dGVlbiBvY3RldHMuLg==,i=4096")
        client = answering(password="I\N{SOFT HYPHEN}X")
        salted = client.step(said)
        self.assertEqual(salted, hashlib.pbkdf2_hmac("sha256", b"IX", SALT, 4096))

    def test_as_many_iterations_as_others_have(self) -> None:
        """And never fewer than RFC 5802 wants."""
        for decoy, count in (((10000, 24), b"i=10000"), ((16, 16), b"i=4096")):
            said = begin(policy=sasl.Policy(decoy=decoy)).start().data
            self.assertTrue(said.endswith(count))

    def test_a_fresh_salt(self) -> None:
        """Not the one that is shown of a user who does not exist."""
        self.assertEqual(len({begin().start().data for _ in range(3)}), 3)

    def test_the_store_says_no(self) -> None:
        """Or cannot tell now."""
        for settle, reason in (
            (lambda request: request.deny(), Reason.NOT_AUTHORIZED),
            (lambda request: request.unavailable(), Reason.UNAVAILABLE),
        ):
            server = begin()
            server.start()
            event = settle(server.step(bytes(32)))
            self.assertIs(event.reason, reason)

    def test_of_whom_nobody_knows(self) -> None:
        """It is an error of the caller, not of the client."""
        with self.assertRaises(sasl.StateError):
            begin(user="")

    def test_what_is_no_salted_password(self) -> None:
        """Of another size."""
        for response in (b"", bytes(31), bytes(33)):
            server = begin()
            server.start()
            self.assertIs(server.step(response).reason, Reason.MALFORMED)

    def test_what_is_no_salt(self) -> None:
        """Nor iterations outside the client's window: fewer would show the password."""
        for challenge in (
            b"",
            b"s=,i=4096",
            b"s=AAAA",
            b"i=4096,s=AAAA",
            b"x=AAAA,i=4096",
            b"s=AAAA,i=4096,h=AAAA",
            b"s=AAA,i=4096",
            b"s=AAAA,i=4095",
            b"s=AAAA,i=1000001",
            b"s=AAAA,i=04096",
            b"s=" + b"A" * 2048 + b",i=4096",
        ):
            with self.subTest(challenge[:20]), self.assertRaises(sasl.ProtocolError):
                answering().step(challenge)

    def test_a_long_salt(self) -> None:
        """1024 octets are taken."""
        text = b64encode(bytes(1024))
        salted = answering().step(b"s=" + text + b",i=4096")
        self.assertEqual(
            salted, hashlib.pbkdf2_hmac("sha256", b"pencil", bytes(1024), 4096)
        )

    def test_who_cannot_be_helped(self) -> None:
        """A password for which no keys may be stored, one for another identity."""
        with self.assertRaises(sasl.CredentialsError):
            answering(password="\N{LATIN SMALL LETTER D WITH CURL}")  # of Unicode 4.0
        boss = sasl.Credentials("user", "pencil", authzid="boss")
        with self.assertRaises(sasl.NoMechanism):
            sasl.client(TASK, boss, channel=CHANNEL)

    def test_where_it_may_be(self) -> None:
        """On encrypted channels, with a password, and never by itself."""
        clear = sasl.Channel(False)
        with self.assertRaises(sasl.NoMechanism):
            sasl.server(TASK, channel=clear, username="user")
        mine = sasl.Credentials("user", "pencil")
        with self.assertRaises(sasl.NoMechanism):
            sasl.client(TASK, mine, channel=clear)
        with self.assertRaises(sasl.NoMechanism):
            sasl.client(TASK, sasl.Credentials("user", token="x"), channel=CHANNEL)
        with self.assertRaises(sasl.CredentialsError):
            answering(password="\ud800")
        with self.assertRaises(sasl.NoMechanism):
            begin(policy=sasl.Policy(deny=[TASK.name]))
        self.assertIsNone(find(TASK.name))

    def test_no_secret_is_shown(self) -> None:
        """Neither the password nor the keys."""
        client, server = answering(password="pencilpencil"), begin()
        self.assertNotIn("pencil", repr(client._turn))
        server.start()
        request = server.step(b"\x41" * 32)
        self.assertNotIn(repr(request.keys.stored_key), repr(request))


if __name__ == "__main__":
    unittest.main()
