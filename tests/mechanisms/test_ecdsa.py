"""ECDSA-NIST256P-CHALLENGE: what is signed, what is a signature, who is asked."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl
from sasl_core import profiles

from .. import _accounts as accounts

NAME = "ECDSA-NIST256P-CHALLENGE"
CHALLENGE = bytes(range(32))
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def der(*numbers: int) -> bytes:
    """Write INTEGERs, each of its shortest form, in a SEQUENCE."""
    body = b""
    for number in numbers:
        octets = number.to_bytes(number.bit_length() // 8 + 1)
        body += bytes([2, len(octets)]) + octets
    return bytes([0x30, len(body)]) + body


def served(signature: bytes) -> Any:
    """Return what a server makes of a signature."""
    server = accounts.make_server(NAME, profile=profiles.RAW)
    server.start(b"user")
    return server.step(signature)


class SignatureTest(unittest.TestCase):
    """DER, and nothing else, comes to the application."""

    def test_what_is_one(self) -> None:
        """From the smallest to the largest."""
        for signature in (der(1, 1), der(ORDER - 1, 0x80), der(0x7F, ORDER - 1)):
            event = served(signature)
            self.assertEqual(
                accounts.question(event),
                (sasl.VerifySignature, "user", CHALLENGE, signature),
            )

    def test_what_is_none(self) -> None:
        """Out of range, spelled at length, cut, with something behind."""
        good = der(1, 1)
        for signature in (
            b"",
            der(0, 1),
            der(1, ORDER),
            der(1),
            der(1, 1, 1),
            good + b"\0",
            good[:-1],
            b"\x31" + good[1:],
            bytes.fromhex("300702020001020101"),  # a leading zero
            bytes.fromhex("30060201ff020101"),  # negative
            bytes.fromhex("3006020101040101"),  # an OCTET STRING
            bytes.fromhex("308106020101020101"),  # the length in two octets
            bytes.fromhex("30060201010280"),
            bytes.fromhex("3006020401010101"),
            bytes.fromhex("3006020201010102"),
            bytes.fromhex("30800201010201010000"),
            bytes.fromhex("300702040102030402"),  # a tag at the very end
            bytes.fromhex("30070201010201010000"),  # shorter than it is
            bytes([0x30, 7]) + good[2:],
            bytes([0x30, 5]) + good[2:],
        ):
            with self.subTest(signature.hex()):
                self.assertIs(served(signature).reason, sasl.Reason.MALFORMED)

    def test_no_and_unknown_are_the_same(self) -> None:
        """The challenge is sent to anybody."""
        events = []
        for name in (b"user", b"nobody"):
            server = accounts.make_server(NAME, profile=profiles.RAW)
            self.assertEqual(server.start(name), sasl.Challenge(CHALLENGE))
            events.append(server.step(der(1, 1)).deny())
        self.assertEqual(events[0], events[1])
        self.assertIs(events[0].reason, sasl.Reason.BAD_CREDENTIALS)

    def test_a_challenge_is_fresh(self) -> None:
        """32 octets of chance."""
        policy = accounts.policy(NAME)
        said = {
            sasl.server(NAME, channel=accounts.channel(NAME), policy=policy)
            .start(b"dXNlcg==")
            .data
            for _ in range(3)
        }
        self.assertEqual([len(text) for text in said], [44, 44, 44])


class SignerTest(unittest.TestCase):
    """The function that signs."""

    def client(self, signer: Any) -> sasl.Client:
        """Make a client that has sent its name."""
        mine = sasl.Credentials("user", signer=signer)
        client = accounts.make_client(NAME, credentials=mine, profile=profiles.RAW)
        self.assertEqual(client.start(), b"user")
        return client

    def test_it_gets_the_challenge(self) -> None:
        """As it came, and what it gives goes back."""
        heard: list[bytes] = []

        def sign(challenge: bytes) -> bytes:
            heard.append(challenge)
            return der(1, 2)

        client = self.client(sign)
        self.assertEqual(client.step(CHALLENGE), der(1, 2))
        self.assertEqual(heard, [CHALLENGE])
        client.finish()

    def test_an_authzid(self) -> None:
        """Behind the name; neither holds a NUL."""

        def client(username: str, authzid: str) -> sasl.Client:
            mine = sasl.Credentials(
                username, authzid=authzid, signer=lambda _: der(1, 2)
            )
            return accounts.make_client(NAME, credentials=mine, profile=profiles.RAW)

        self.assertEqual(client("user", "boss").start(), b"user\0boss")
        for username, authzid in (("us\0er", ""), ("user", "bo\0ss")):
            with self.assertRaises(sasl.CredentialsError):
                client(username, authzid)
        for first in (b"", b"\0boss", b"user\0bo\0ss", b"user\0boss\0"):
            server = accounts.make_server(NAME, profile=profiles.RAW)
            event: Any = server.start(first)
            with self.subTest(first):
                self.assertIs(event.reason, sasl.Reason.MALFORMED)

    def test_it_signs_nothing_else(self) -> None:
        """A challenge of another size could be a message that means something."""
        for challenge in (b"", CHALLENGE[:-1], CHALLENGE + b"\0"):
            client = self.client(lambda _: self.fail("it was asked"))
            with self.assertRaises(sasl.ProtocolError):
                client.step(challenge)

    def test_what_is_no_signature_is_not_sent(self) -> None:
        """The raw form of some libraries, a str, a coroutine's stand-in."""
        for wrong in (bytes(64), "x", None, 1, bytearray(der(1, 1))):
            client = self.client(lambda _, wrong=wrong: wrong)
            with self.assertRaises(sasl.CredentialsError):
                client.step(CHALLENGE)

    def test_its_own_errors_are_its_owner_s(self) -> None:
        """They come through, and the exchange is over."""

        def sign(_: bytes) -> bytes:
            raise OSError("no such device")

        client = self.client(sign)
        with self.assertRaises(OSError):
            client.step(CHALLENGE)
        with self.assertRaises(sasl.StateError):
            client.step(CHALLENGE)

    def test_an_empty_authzid_is_none(self) -> None:
        """As in PLAIN; another one is asked about."""
        server = accounts.make_server(NAME, profile=profiles.RAW)
        server.start(b"user\0")
        event = server.step(der(1, 1)).answer(True)
        self.assertEqual(event.identity, sasl.Identity("user"))
        server = accounts.make_server(NAME, profile=profiles.RAW)
        server.start(b"user\0boss")
        event = server.step(der(1, 1)).answer(True)
        self.assertEqual(accounts.question(event), (sasl.Authorize, "user", "boss"))


class NameTest(unittest.TestCase):
    """24 letters, where RFC 4422 has room for 20."""

    def test_it_is_registered_and_told(self) -> None:
        """In a refusal, too."""
        with self.assertRaisesRegex(sasl.NoMechanism, f"{NAME}: no signer"):
            sasl.client(
                [NAME.lower()],
                sasl.Credentials("user", "pencil"),
                channel=sasl.Channel(True),
                policy=accounts.policy(NAME),
            )


if __name__ == "__main__":
    unittest.main()
