"""CRAM-MD5 (RFC 2195)."""

from __future__ import annotations

import re
import unittest

import sasl_core as sasl

from .. import _accounts as accounts
from .._play import play
from ._both import client, reason, server

CHALLENGE = b"<1896.697170952@postoffice.reston.mci.net>"
HAS = {"username": "tim", "password": "tanstaaftanstaaf"}
RESPONSE = b"tim b913a602c7eda7a495b4e6e7334d3890"


class ClientTest(unittest.TestCase):
    """A name, a space, a digest."""

    def test_the_example_of_the_rfc(self) -> None:
        """Section 2."""
        self.assertEqual(client("CRAM-MD5", HAS).step(CHALLENGE), RESPONSE)

    def test_any_challenge_but_an_empty_one(self) -> None:
        """Servers send what they like; to nothing there is one answer for ever."""
        for challenge in (b"x", b"<a@b>", b"\xff", b"no angle brackets"):
            digest = client("CRAM-MD5").step(challenge)
            self.assertRegex(digest, rb"\Auser [0-9a-f]{32}\Z")
        with self.assertRaises(sasl.ProtocolError):
            client("CRAM-MD5").step(b"")

    def test_names_with_spaces(self) -> None:
        """They pass: the last space separates."""
        one = client("CRAM-MD5", HAS | {"username": "tim the beaver"})
        response = one.step(CHALLENGE)
        self.assertTrue(response.startswith(b"tim the beaver b913"))
        request = server("CRAM-MD5")
        request.start()
        self.assertEqual(request.step(response).username, "tim the beaver")


class ServerTest(unittest.TestCase):
    """A fresh challenge, and a digest to compare."""

    def test_fresh_challenges(self) -> None:
        """An RFC 822 msg-id of the channel's host, never the same."""
        channel = accounts.channel("CRAM-MD5")
        challenges = {
            sasl.server(
                "CRAM-MD5",
                channel=channel,
                policy=accounts.policy("CRAM-MD5"),
                profile=sasl.profiles.RAW,
            )
            .start()
            .data
            for _ in range(50)
        }
        self.assertEqual(len(challenges), 50)
        for challenge in challenges:
            self.assertRegex(challenge, rb"\A<[^<>@ ]{16,}@mail\.example\.org>\Z")

    def test_odd_hosts(self) -> None:
        """The challenge stays ASCII and is never without a host."""
        for host in ("", "bücher.example", "a b>\r\n"):
            one = sasl.server(
                "CRAM-MD5",
                channel=sasl.Channel(True, host=host),
                policy=accounts.policy("CRAM-MD5"),
                profile=sasl.profiles.RAW,
            )
            challenge = one.start().data
            with self.subTest(host):
                self.assertTrue(challenge.isascii())
                self.assertTrue(re.search(rb"@.+>\Z", challenge, re.DOTALL))

    def test_the_example_of_the_rfc(self) -> None:
        """Its password, another one, and none."""
        for password, succeeds in (
            ("tanstaaftanstaaf", True),
            ("tanstaaftanstaaF", False),
            ("", False),
            (None, False),
        ):
            one = server("CRAM-MD5")
            self.assertEqual(one.start().data, CHALLENGE)
            event = one.step(RESPONSE).answer(password)
            with self.subTest(password):
                self.assertEqual(isinstance(event, sasl.Success), succeeds)

    def test_passwords_longer_than_a_block(self) -> None:
        """HMAC hashes them first; both sides do."""
        for size in (63, 64, 65, 500):
            password = "x" * size
            application = accounts.Application(password=password)
            has = {"username": "user", "password": password}
            outcome = play(client("CRAM-MD5", has), server("CRAM-MD5"), application)
            self.assertTrue(outcome.succeeded)

    def test_a_stored_password_that_nobody_can_type(self) -> None:
        """A lone surrogate is no question mark."""
        one = client("CRAM-MD5", {"username": "user", "password": "a?"})
        asked = server("CRAM-MD5")
        asked.start()
        event = asked.step(one.step(CHALLENGE)).answer("a\udc80")
        self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)

    def test_malformed(self) -> None:
        """32 lower-case hexadecimal digits after the last space, and a name before it."""
        digest = RESPONSE[4:]
        for response in (
            b"",
            digest,
            b" " + digest,
            b"tim" + digest,
            b"tim  ",
            RESPONSE[:-1],
            RESPONSE + b"0",
            RESPONSE.upper(),
            RESPONSE[:-1] + b"g",
            b"\xff " + digest,
            b"t\0m " + digest,
            RESPONSE + b"\n",
        ):
            one = server("CRAM-MD5")
            one.start()
            with self.subTest(response):
                self.assertIs(reason(one.step(response)), sasl.Reason.MALFORMED)


if __name__ == "__main__":
    unittest.main()
