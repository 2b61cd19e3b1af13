"""ECDH-X25519-CHALLENGE: what is unmasked, which keys are refused, who is asked."""

from __future__ import annotations

import unittest
from base64 import b64decode
from functools import partial
from typing import Any

import sasl_core as sasl
from sasl_core import profiles
from sasl_core._x25519 import is_low_order

from .. import _accounts as accounts
from .._x25519 import BASE, x25519

NAME = "ECDH-X25519-CHALLENGE"
P = 2**255 - 19
# Alice's of RFC 7748, section 6.1.
SECRET = bytes.fromhex(
    "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
)
# Written by atheme-ecdh-x25519-tool 7.3.0-rc2, for that key, with a key pair of its own.
TOLD = b64decode(
    "MGFLmeh3jwUmymY+ybsbgyrCxIQRa2mU/Omaj4m2ADJTAAVSnwqQGcExN3TMqgwsnh1Zq+ZiyvAHI+x/"
    "T51FmNUljW/MvlfIAyNE7s13+q8vastJCsW3UDVaQ+aHlAcn"
)
DRAWN = b64decode("1+u1F3vvspfgjR23te12+UzqC/5TlVDd3CUoz77vyqo=")
# The points whose order is a divisor of eight, on the curve or its twist, in all spellings.
_EIGHTHS = (
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
LOW = [0, 1, P - 1, *_EIGHTHS, P, P + 1]
LOW += [number + 2**255 for number in LOW]
NONCE = bytes(range(96))  # what the tests' server draws


def octets(u: int) -> bytes:
    """Write a u-coordinate."""
    return u.to_bytes(32, "little")


def served(answer: Any, name: bytes = b"user") -> Any:
    """Return what a server says once it was told of the key."""
    server = accounts.make_server(NAME, profile=profiles.RAW)
    request = server.start(name)
    assert accounts.question(request) == (sasl.FindPublicKey, "user")
    return server, request.answer(answer)


class ClientTest(unittest.TestCase):
    """The side that has the secret key."""

    def client(self, function: Any, **more: Any) -> sasl.Client:
        """Make a client that has sent its name."""
        mine = sasl.Credentials("user", x25519=function, **more)
        client = accounts.make_client(NAME, credentials=mine, profile=profiles.RAW)
        client.start()
        return client

    def test_what_another_server_masked(self) -> None:
        """It comes off."""
        client = self.client(partial(x25519, SECRET))
        self.assertEqual(client.step(TOLD), DRAWN)
        client.finish()

    def test_the_size_of_a_challenge(self) -> None:
        """Nothing is computed for another one."""
        for challenge in (b"", TOLD[:-1], TOLD + b"\0", TOLD[:32]):
            client = self.client(lambda _: self.fail("it was asked"))
            with self.assertRaises(sasl.ProtocolError):
                client.step(challenge)

    def test_a_key_of_low_order(self) -> None:
        """Libraries differ in what they do of it: they never see one."""
        for number in LOW:
            client = self.client(lambda _: self.fail("it was asked"))
            with self.assertRaises(sasl.ProtocolError):
                client.step(octets(number) + TOLD[32:])

    def test_what_is_no_coordinate(self) -> None:
        """A str, too few octets, a function that forgot to return."""
        for wrong in ("x" * 32, bytes(31), None, bytearray(32)):
            client = self.client(lambda _, wrong=wrong: wrong)
            with self.assertRaises(sasl.CredentialsError):
                client.step(TOLD)

    def test_its_own_errors_are_its_owner_s(self) -> None:
        """They come through, and the exchange is over."""

        def ask(_: bytes) -> bytes:
            raise OSError("no such device")

        client = self.client(ask)
        with self.assertRaises(OSError):
            client.step(TOLD)
        with self.assertRaises(sasl.StateError):
            client.step(TOLD)


class ServerTest(unittest.TestCase):
    """The side that draws."""

    def test_who_is_not_known_cannot_unmask(self) -> None:
        """Not even who knows what was drawn; nor has a key of low order an owner."""
        for answer in (None, octets(0), octets(P - 1)):
            server, challenge = served(answer)
            self.assertEqual(
                challenge.data[:64], x25519(NONCE[:32], BASE) + NONCE[32:64]
            )
            self.assertEqual(len(challenge.data), 96)
            event = server.step(NONCE[64:])
            self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_a_key_of_low_order_is_not_computed_with(self) -> None:
        """Some libraries raise an exception, which would tell of that user."""

        def strict(secret: bytes, u: bytes) -> bytes:
            self.assertNotEqual(x25519(secret, u), bytes(32))
            return x25519(secret, u)

        for number in LOW:
            server = accounts.make_server(NAME, profile=profiles.RAW, x25519=strict)
            event = server.start(b"user").answer(octets(number))
            self.assertIsInstance(event, sasl.Challenge)

    def test_the_size_of_a_response(self) -> None:
        """One of another size is no guess."""
        for response in (b"", bytes(31), bytes(33)):
            server, _ = served(x25519(SECRET, BASE))
            self.assertIs(server.step(response).reason, sasl.Reason.MALFORMED)

    def test_what_it_draws_is_fresh(self) -> None:
        """Its key, the salt, and what is to be sent back."""
        policy = accounts.policy(NAME)
        seen: set[bytes] = set()
        for _ in range(3):
            server = sasl.server(NAME, channel=accounts.channel(NAME), policy=policy)
            data = b64decode(server.start(b"dXNlcg==").answer(None).data)
            seen |= {data[at : at + 32] for at in (0, 32, 64)}
        self.assertEqual(len(seen), 9)

    def test_what_waits_shows_nothing(self) -> None:
        """Of what it draws, of its secret key."""
        for server in (
            accounts.make_server(NAME, profile=profiles.RAW),
            served(x25519(SECRET, BASE))[0],
        ):
            shown = repr(server._turn)
            for at in (0, 64):
                self.assertNotIn(repr(NONCE[at : at + 32])[2:-1], shown)

    def test_a_key_has_32_octets(self) -> None:
        """Base64, as Atheme stores it, is no key."""
        for wrong in (b"", bytes(31), "A" * 43 + "=", bytearray(32)):
            with self.assertRaises(sasl.StateError):
                served(wrong)

    def test_authzid(self) -> None:
        """Who names another one as well is asked about."""
        server, _ = served(x25519(SECRET, BASE), b"user\0boss")
        event = server.step(NONCE[64:])
        self.assertEqual(accounts.question(event), (sasl.Authorize, "user", "boss"))


class PolicyTest(unittest.TestCase):
    """A server has it only with the function, and only with the right one."""

    def test_without_it(self) -> None:
        """It is not on offer, and not run; a client needs none in its policy."""
        policy = sasl.Policy(allow=[NAME])
        channel = sasl.Channel(True)
        self.assertEqual(sasl.offer(channel=channel, policy=policy), ())
        with self.assertRaisesRegex(sasl.NoMechanism, "the policy has no x25519"):
            sasl.server(NAME, channel=channel, policy=policy)
        offered = sasl.offer(channel=channel, policy=policy.replace(x25519=x25519))
        self.assertEqual(offered, (NAME,))

    def test_another_function(self) -> None:
        """Its arguments in the wrong order would give the secret away."""
        for wrong in (
            lambda secret, u: x25519(u, secret),
            lambda secret, u: x25519(secret[::-1], u[::-1]),
            lambda *_: bytes(32),
        ):
            with self.assertRaisesRegex(ValueError, "not X25519"):
                sasl.Policy(x25519=wrong)


class FunctionTest(unittest.TestCase):
    """What the tests' keys are made with, and what is told of points."""

    def test_vectors(self) -> None:
        """RFC 7748, section 5.2."""
        for scalar, u, result in (
            (
                "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
                "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
            ),
            (
                "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
                "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
            ),
            (
                "09" + 62 * "0",
                "09" + 62 * "0",
                "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
            ),
        ):
            found = x25519(bytes.fromhex(scalar), bytes.fromhex(u))
            self.assertEqual(found.hex(), result)

    def test_low_order(self) -> None:
        """Those points, and only those, share zero with everybody."""
        for number in LOW:
            self.assertTrue(is_low_order(octets(number)), number)
            self.assertEqual(x25519(SECRET, octets(number)), bytes(32))
        for number in (2, 9, P - 2, P + 2, _EIGHTHS[0] + 1):
            self.assertFalse(is_low_order(octets(number)), number)
            self.assertNotEqual(x25519(SECRET, octets(number)), bytes(32))


if __name__ == "__main__":
    unittest.main()
