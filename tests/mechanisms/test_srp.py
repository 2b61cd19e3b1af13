"""SRP, as Cyrus SASL speaks it (draft-burdis-cat-srp-sasl-08)."""

from __future__ import annotations

import unittest
from base64 import b64encode
from typing import Any

import sasl_core as sasl
from sasl_core import _srp_math as math
from sasl_core import records
from sasl_core.records import SrpVerifier

from .. import _accounts as accounts
from ._both import client, reason, server

SALT = b"sixteen octets.."
VERIFIER = SrpVerifier.derive("user", accounts.PASSWORD, SALT)
NAMES = math.buffer(
    math.text(b"user"), math.text(b"user"), math.text(b""), math.short(b"")
)


def challenge(
    modulus: int = math.N2048,
    generator: int = math.G,
    b_public: bytes = b"\x05",
    options: bytes = b"mda=SHA-1",
    flag: bytes = b"\0",
) -> bytes:
    """Write what a server says first."""
    group = math.mpi(modulus) + math.mpi(generator)
    return math.buffer(
        flag, group, math.short(SALT), math.text(b_public), math.text(options)
    )


def challenged(answer: Any = VERIFIER) -> tuple[sasl.Server, bytes]:
    """Return a server that has challenged, and what it said."""
    one = server("SRP")
    event: Any = one.start(NAMES).answer(answer)
    return one, event.data


class ClientTest(unittest.TestCase):
    """What a client believes of a server."""

    def answer(self, said: bytes) -> bytes:
        """Return the answer to a challenge."""
        one = client("SRP")
        one.start()
        return one.step(said)

    def test_the_first_message(self) -> None:
        """The authzid is one's own name where none is given, as Cyrus SASL's client has."""
        self.assertEqual(client("SRP").start(), NAMES)
        one = client("SRP", accounts.TABLE["SRP"].right | {"authzid": "boss"})
        reader = math.Reader(one.start() or b"")
        self.assertEqual((reader.text(), reader.text()), (b"user", b"boss"))

    def test_groups(self) -> None:
        """The draft's of 1536 and 2048 bits, and none that a server makes itself."""
        for modulus in (math.N1536, math.N2048):
            self.assertTrue(self.answer(challenge(modulus)))
        for modulus, generator in (
            (math.N2048, 3),
            (math.N2048 - 2, math.G),
            (23, 5),
        ):
            with self.assertRaises(sasl.ProtocolError):
                self.answer(challenge(modulus, generator))

    def test_public_values(self) -> None:
        """B is above 0 and below N."""
        top = math.octets_of(math.N2048)
        for b_public in (b"", b"\0", b"\0\x05", top, b"\1" + top):
            with self.subTest(b_public[:5]), self.assertRaises(sasl.ProtocolError):
                self.answer(challenge(b_public=b_public))

    def test_options(self) -> None:
        """SHA-1 must be there; what is mandatory, we do not have."""
        self.answer(
            challenge(options=b"mda=sha-1,integrity=HMAC-SHA-1,maxbuffersize=9")
        )
        for options in (
            b"",
            b"mda=RIPEMD-160",
            b"xmda=SHA-1",
            b"mda=SHA-1,mandatory=integrity",
        ):
            with self.subTest(options), self.assertRaises(sasl.ProtocolError):
                self.answer(challenge(options=options))

    def test_buffers_that_are_none(self) -> None:
        """Lengths that do not fit, too many elements, sessions to be used again."""
        good = challenge()
        for said in (
            b"",
            good[:-1],
            good + b"\0",
            math.buffer(good[4:], b"\0"),
            math.buffer(good[4:-1]),
            challenge(flag=b"\xff"),
        ):
            with self.subTest(said[:9]), self.assertRaises(sasl.ProtocolError):
                self.answer(said)

    def test_a_server_without_the_password(self) -> None:
        """It is found out by its evidence, and a success before that is a lie."""
        for finish in (True, False):
            one = client("SRP")
            one.start()
            one.step(challenge())
            evidence = math.buffer(
                math.short(bytes(20)), math.short(b""), math.text(b""), bytes(4)
            )
            with self.assertRaises(sasl.ServerNotAuthenticated):
                one.finish() if finish else one.step(evidence)

    def test_sessions_that_could_be_used_again(self) -> None:
        """Session id and lifetime are part of the evidence, and then forgotten."""
        one, other = client("SRP"), challenged()
        one.start()
        response = one.step(other[1])
        event: Any = other[0].step(response)
        reader = math.Reader(event.data)
        evidence = reader.short()
        reader = math.Reader(response)
        a_public, proof, chosen = reader.mpi("A"), reader.short(), reader.text()
        session = b"session\0\0\x0e\x10"
        u = math.scrambler(a_public, self.b_public(other[1]))
        shared = math.server_session(
            int.from_bytes(a_public), VERIFIER.verifier, u, 0x0D
        )
        key = math.H(math.octets_of(shared))
        longer = math.server_proof(a_public, proof, key, b"user", chosen, session)
        self.assertNotEqual(longer, evidence)
        elements = math.short(longer), math.short(b"iv"), math.text(session[:-4])
        self.assertEqual(one.step(math.buffer(*elements, session[-4:])), b"")
        one.finish()

    def b_public(self, said: bytes) -> bytes:
        """Return B of a server's challenge."""
        reader = math.Reader(said)
        reader.take(1)
        reader.mpi("N")
        reader.mpi("g")
        reader.short()
        return reader.mpi("B")


class ServerTest(unittest.TestCase):
    """What a server believes of a client."""

    def test_verifiers_and_passwords(self) -> None:
        """Either is an answer; both let the client in, and prove the server."""
        for answer in (VERIFIER, accounts.PASSWORD):
            one = client("SRP")
            one.start()
            other, said = challenged(answer)
            event: Any = other.step(one.step(said))
            with self.subTest(type(answer).__name__):
                self.assertIsInstance(event, sasl.Success)
                one.finish(event.data)

    def test_wrong_ones(self) -> None:
        """Of another password, of another user, of nobody."""
        for answer in (
            SrpVerifier.derive("user", "another", SALT),
            SrpVerifier.derive("other", accounts.PASSWORD, SALT),
            VERIFIER.decoy(),
            "another",
            "\ud800",
            "",
            None,
        ):
            one = client("SRP")
            one.start()
            other, said = challenged(answer)
            event = other.step(one.step(said))
            self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)

    def test_what_is_not_offered(self) -> None:
        """Layers, other hashes, and A and M1 that are none."""
        top = math.octets_of(math.N2048)
        for a_public, proof, options in (
            (b"\5", bytes(20), b""),
            (b"\5", bytes(20), b"mda=MD5"),
            (b"\5", bytes(20), b"mda=SHA-1,mda=SHA-1"),
            (b"\5", bytes(20), b"mda=SHA-1,integrity=HMAC-SHA-1"),
            (b"\5", bytes(20), b"mda=SHA-1,confidentiality=AES"),
            (b"\5", bytes(20), b"mda=SHA-1,replay_detection"),
            (b"\5", bytes(19), b"mda=SHA-1"),
            (b"", bytes(20), b"mda=SHA-1"),
            (b"\0\5", bytes(20), b"mda=SHA-1"),
            (top, bytes(20), b"mda=SHA-1"),
        ):
            elements = math.text(a_public), math.short(proof), math.text(options)
            event = challenged()[0].step(math.buffer(*elements, math.short(b"")))
            with self.subTest(options, a_public=a_public[:4]):
                self.assertIs(reason(event), sasl.Reason.MALFORMED)

    def test_names(self) -> None:
        """The authcid is not empty; an empty authzid is one's own."""
        for authcid, authzid, expected in (
            (b"user", b"", ("user", "user")),
            (b"user", b"boss", ("user", "boss")),
        ):
            names = math.text(authcid), math.text(authzid), math.text(b"sid")
            event: Any = server("SRP").start(math.buffer(*names, math.short(b"cn")))
            identity = event._record.identity
            self.assertEqual((identity.authcid, identity.authzid), expected)
        for first in (b"", math.buffer(b""), math.buffer(*[math.text(b"")] * 3, b"\0")):
            self.assertIs(reason(server("SRP").start(first)), sasl.Reason.MALFORMED)


class VerifierTest(unittest.TestCase):
    """What is stored."""

    def test_text(self) -> None:
        """Written as Cyrus SASL stores it, and read again."""
        text = VERIFIER.format()
        self.assertEqual(records.parse(text, username="user"), (VERIFIER,))
        self.assertTrue(text.startswith("{SRP}"))
        other = math.buffer(math.text(b"MD5"), math.mpi(5), math.short(SALT))
        for bad in ("", "====", b64encode(other).decode(), text[5:-8]):
            with self.subTest(bad[:9]), self.assertRaises(ValueError):
                records.parse("{SRP}" + bad, username="user")

    def test_passwords(self) -> None:
        """It is of one user's one password."""
        self.assertTrue(VERIFIER.verify(accounts.PASSWORD))
        for wrong in ("", "pencil ", "\ud800"):
            self.assertFalse(VERIFIER.verify(wrong))
        with self.assertRaises(ValueError):
            SrpVerifier.derive("user", "")
        self.assertNotEqual(SrpVerifier.derive("user", "pencil").salt, SALT)

    def test_what_is_none(self) -> None:
        """Salts and numbers outside their sizes."""
        for wrong in (
            {"salt": b""},
            {"salt": bytes(256)},
            {"verifier": 1},
            {"verifier": math.N2048},
        ):
            with self.subTest(wrong), self.assertRaises(ValueError):
                VERIFIER.replace(**wrong)

    def test_nothing_shows(self) -> None:
        """The verifier is hidden, and decoys are of the same size."""
        self.assertNotIn(str(VERIFIER.verifier), repr(VERIFIER))
        self.assertEqual(len(VERIFIER.decoy().salt), len(SALT))
        self.assertFalse(VERIFIER.decoy().verify(accounts.PASSWORD))


if __name__ == "__main__":
    unittest.main()
