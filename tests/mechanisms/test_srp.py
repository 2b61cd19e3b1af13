"""SRP, as Cyrus SASL speaks it (draft-burdis-cat-srp-sasl-08)."""

from __future__ import annotations

import hashlib
import unittest
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import _srp_math as math
from sasl_core import profiles
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

    def test_the_smaller_group(self) -> None:
        """No vector has it: 1536 bits, and g generates all of it, as if N is prime."""
        modulus = math.N1536
        self.assertEqual(modulus.bit_length(), 1536)
        self.assertEqual(pow(math.G, modulus // 2, modulus), modulus - 1)

    def test_public_values(self) -> None:
        """B is above 0 and below N."""
        top = math.octets_of(math.N2048)
        for b_public in (b"", b"\0", b"\0\x05", top, b"\1" + top):
            with self.subTest(b_public[:5]), self.assertRaises(sasl.ProtocolError):
                self.answer(challenge(b_public=b_public))

    def test_options(self) -> None:
        """SHA-1 must be there; what is mandatory, we do not have."""
        for options, chosen in (
            (b"mda=sha-1,integrity=HMAC-SHA-1,maxbuffersize=9", b"mda=sha-1"),
            (b"integrity=hmac-md5,mda=md5,mda=sha-160", b"mda=sha-160"),
            (b"replay_detection,mda=SHA-1,mda=RIPEMD-160", b"mda=SHA-1"),
        ):
            reader = math.Reader(self.answer(challenge(options=options)))
            reader.mpi("A")
            reader.short()
            self.assertEqual(reader.text(), chosen)
        for options in (
            b"",
            b"mda=RIPEMD-160",
            b"xmda=SHA-1",
            b"mda=SHA-1,mandatory=integrity",
            b"MANDATORY=integrity,mda=SHA-1",
            b"mda=SHA-1 ",
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
            bytes(4) + good[4:],
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

    def test_u_is_not_0(self) -> None:
        """Then the password would not count (RFC 5054, section 2.5.3)."""
        with (
            mock.patch.object(math, "scrambler", return_value=0),
            self.assertRaises(sasl.ProtocolError),
        ):
            self.answer(challenge())


class FormulaTest(unittest.TestCase):
    """The draft's section 4, written down once more, with SHA-1 and g = 2."""

    def test_all_of_it(self) -> None:
        """B, A, M1 and M2, of fixed a and b."""
        a, b, n, g = 0xA1B2C3D4E5, 0xF6E7D8C9BA, math.N2048, 2
        facts: Any = {
            "channel": sasl.Channel(True),
            "policy": sasl.Policy(allow=["SRP"]),
            "profile": profiles.RAW,
        }
        mine = sasl.Credentials("user", "pencil", authzid="boss")
        one = sasl.client("SRP", mine, **facts, nonce=a.to_bytes(32))
        other = sasl.server("SRP", **facts, nonce=b.to_bytes(32))
        verifier = SrpVerifier.derive("user", "pencil", SALT)
        event: Any = other.start(one.start()).answer(verifier)
        said = event.data
        response = one.step(said)

        def h(*parts: bytes) -> bytes:
            return hashlib.sha1(b"".join(parts)).digest()

        def octets(number: int) -> bytes:
            return number.to_bytes((number.bit_length() + 7) // 8)

        x = int.from_bytes(h(SALT, h(b"user:pencil")))
        b_public = (3 * pow(g, x, n) + pow(g, b, n)) % n
        a_public = pow(g, a, n)
        self.assertEqual(said, challenge(b_public=octets(b_public)))
        publics = octets(a_public), octets(b_public)
        u = int.from_bytes(h(*publics))
        k = h(octets(pow(a_public * pow(g, x * u, n), b, n)))
        mixed = bytes(p ^ q for p, q in zip(h(octets(n)), h(b"\2"), strict=True))
        options = h(b"mda=SHA-1")
        m1 = h(mixed, h(b"user"), SALT, *publics, k, h(b"boss"), options)
        size = len(publics[0]).to_bytes(2)
        sent = size + publics[0] + b"\x14" + m1 + b"\0\x09mda=SHA-1" + b"\0"
        self.assertEqual(response, len(sent).to_bytes(4) + sent)
        m2 = h(publics[0], m1, k, h(b"boss"), options, bytes(4))
        sent = b"\x14" + m2 + bytes(7)
        event = other.step(response).answer(True)
        self.assertEqual(event.data, len(sent).to_bytes(4) + sent)
        one.finish(event.data)

    def test_a_and_b_are_fresh(self) -> None:
        """Of 256 bits each: never the same A, nor the same B."""
        facts: Any = {
            "channel": sasl.Channel(True),
            "policy": sasl.Policy(allow=["SRP"]),
            "profile": profiles.RAW,
        }
        with mock.patch("os.urandom", side_effect=lambda size: b"\1" * size) as drawn:
            sasl.client("SRP", sasl.Credentials("user", "pencil"), **facts)
            sasl.server("SRP", **facts)
        self.assertEqual(drawn.call_args_list, [mock.call(32)] * 2)
        said = set()
        for _ in range(2):
            event: Any = sasl.server("SRP", **facts).start(NAMES).answer(VERIFIER)
            one = sasl.client("SRP", sasl.Credentials("user", "pencil"), **facts)
            one.start()
            said |= {event.data, one.step(event.data)}
        self.assertEqual(len(said), 4)


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

    def test_more_than_there_is(self) -> None:
        """Behind a right response, and behind right evidence."""
        for behind in ("response", "evidence"):
            one = client("SRP")
            one.start()
            other, said = challenged()
            response = one.step(said)
            if behind == "response":
                event: Any = other.step(math.buffer(response[4:], b"\0"))
                self.assertIs(reason(event), sasl.Reason.MALFORMED)
                continue
            event = other.step(response)
            with self.assertRaises(sasl.ProtocolError):
                one.finish(math.buffer(event.data[4:], b"\0"))

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
        for first in (
            b"",
            math.buffer(b""),
            math.buffer(*[math.text(b"")] * 3, b"\0"),
            math.buffer(NAMES[4:], b"\0"),
        ):
            self.assertIs(reason(server("SRP").start(first)), sasl.Reason.MALFORMED)


if __name__ == "__main__":
    unittest.main()
