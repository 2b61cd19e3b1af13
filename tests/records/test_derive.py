"""One password, every record; which are weak; secrets and MD5 from the middle."""

from __future__ import annotations

import hashlib
import hmac
import unittest

import sasl_core as sasl
from sasl_core import records
from sasl_core._scram_math import NAMES
from sasl_core.records import _md5

from .._hypothesis import given, st

EVERY = (
    *NAMES.values(),
    "PBKDF2-SHA1",
    "PBKDF2-SHA256",
    "PBKDF2-SHA512",
    "CRAM-MD5",
    "DIGEST-MD5",
    "NTLM",
    "PLAIN",
)


class DeriveTest(unittest.TestCase):
    """Every scheme at once."""

    def test_every_scheme(self) -> None:
        """In the order asked for, each of the password."""
        for password in ("pencil", "p\u00e4ss w\u00f6rd", "\u65e5\u672c"):
            made = records.derive(
                password, EVERY, iterations=2, username="alice@example.org"
            )
            self.assertEqual(tuple(record.scheme for record in made), EVERY)
            for record in made:
                with self.subTest(record.scheme):
                    self.assertTrue(record.verify(password))
                    self.assertFalse(record.verify(password + "x"))
                    text = record.format()
                    again = records.parse(text, username="alice@example.org")
                    self.assertEqual(again, (record,))

    def test_counts(self) -> None:
        """For all, by scheme, or the default ones."""
        (one, two) = records.derive(
            "x", ("SCRAM-SHA-1", "SCRAM-SHA-256"), iterations={"SCRAM-SHA-1": 7}
        )
        self.assertEqual((one.iterations, two.iterations), (7, 10_000))
        self.assertEqual(len(records.derive("x", iterations=1)), 6)

    def test_refused(self) -> None:
        """Passwords that nothing can be made of, and schemes that are none."""
        for password in ("", "\ud800", "x" * 5000):
            for scheme in EVERY:
                with self.assertRaises(ValueError):
                    records.derive(password, (scheme,), iterations=1)
        for scheme in ("BCRYPT", "SSHA", "", "PBKDF2-MD5"):
            with self.assertRaises(ValueError):
                records.derive("x", (scheme,))

    def test_weak(self) -> None:
        """Fast hashes, few iterations; not what is kept for a mechanism's sake."""
        strong = records.derive(
            "x", ("CRAM-MD5", "DIGEST-MD5", "NTLM", "PLAIN"), username="a@b"
        )
        few = records.derive("x", ("SCRAM-SHA-256", "PBKDF2-SHA256"), iterations=9)
        for record in strong:
            self.assertFalse(records.weak(record))
        for record in few:
            self.assertTrue(records.weak(record))
            self.assertFalse(records.weak(record, iterations=9))
            self.assertTrue(records.weak(record, iterations={record.scheme: 10}))
        for text, weak in (
            ("{SHA}St5tXbJ8C+Y88ro+Hr4UJe2mGgE=", True),
            ("$1$salt$0123456789012345678901", True),
            ("$apr1$salt$0123456789012345678901", True),
            ("{CRYPT}abJnggxhB/yWI", True),
            ("$6$salt$" + "a" * 86, False),
            ("$2b$12$" + "a" * 53, False),
        ):
            self.assertEqual(records.weak(records.parse(text)[0]), weak, text)


class SecretsTest(unittest.TestCase):
    """What is precomputed for one mechanism."""

    @given(st.binary(max_size=300))
    def test_md5_from_the_middle(self, message: bytes) -> None:
        """Is MD5."""
        self.assertEqual(
            _md5.finish(_md5.INITIAL, 0, message), hashlib.md5(message).digest()
        )
        if len(message) >= 64:
            state = _md5.compress(_md5.INITIAL, message[:64])
            digest = _md5.finish(state, 64, message[64:])
            self.assertEqual(digest, hashlib.md5(message).digest())

    def test_every_length_of_padding(self) -> None:
        """Around the ends of blocks."""
        for size in range(200):
            message = bytes(size)
            digest = _md5.finish(_md5.INITIAL, 0, message)
            self.assertEqual(digest, hashlib.md5(message).digest())

    def test_the_hmac_of_a_secret(self) -> None:
        """Is the password's, a long one's too."""
        for password in ("x", "p\u00e4ss", "k" * 64, "k" * 65):
            secret = records.CramMd5Secret.derive(password)
            expected = hmac.digest(password.encode(), b"<1@host>", "md5")
            self.assertEqual(secret.hmac(b"<1@host>"), expected)

    def test_what_doveadm_makes(self) -> None:
        """`doveadm pw -s CRAM-MD5 -p pencil`, and `-s DIGEST-MD5 -u user@realm`."""
        secret = records.CramMd5Secret.derive("tanstaaftanstaaf")
        challenge = b"<1896.697170952@postoffice.reston.mci.net>"  # RFC 2195, section 2
        expected = "b913a602c7eda7a495b4e6e7334d3890"
        self.assertEqual(secret.hmac(challenge).hex(), expected)
        (digest,) = records.parse(
            "{DIGEST-MD5}939e7578ed9e3c518a452acee763bce9",  # RFC 2617, section 3.5
            username="Mufasa@testrealm@host.com".rpartition("@")[0],
            realm="testrealm@host.com",
        )
        self.assertFalse(digest.verify("Circle of life"))
        digest = digest.replace(username="Mufasa")
        self.assertTrue(digest.verify("Circle Of Life"))

    def test_an_nt_hash(self) -> None:
        """MS-NLMP, section 4.2.2.1.2; it has the size of a hash."""
        made = records.NtHash.derive("Password")
        self.assertEqual(made.nt_hash.hex(), "a4f49c406510bdcab6824ee7c30fd852")
        for octets in (b"", bytes(15), bytes(17)):
            with self.assertRaises(ValueError):
                records.NtHash(octets)
        with self.assertRaises(TypeError):
            records.NtHash("a" * 16)

    def test_latin_1_and_utf_8(self) -> None:
        """RFC 2831's rule when it is made, either when it is checked."""
        made = records.DigestMd5Secret.derive("j\u00fcrgen", "r", "p\u00e4ss")
        text = "j\u00fcrgen:r:p\u00e4ss"
        self.assertEqual(made.ha1, hashlib.md5(text.encode("latin-1")).digest())
        utf8 = made.replace(ha1=hashlib.md5(text.encode()).digest())
        for secret in (made, utf8):
            self.assertTrue(secret.verify("p\u00e4ss"))
            self.assertFalse(secret.verify("pass"))

    def test_they_answer_their_own_mechanism(self) -> None:
        """A secret of another one is an answer of the wrong type."""
        channel = sasl.Channel(True)
        client = sasl.client(
            "CRAM-MD5", sasl.Credentials("alice", "pencil"), channel=channel
        )
        for secret, good in (
            (records.CramMd5Secret.derive("pencil"), True),
            (records.CramMd5Secret.derive("Pencil"), False),
            (records.DigestMd5Secret.derive("alice", "r", "pencil"), None),
        ):
            server = sasl.server("CRAM-MD5", channel=channel)
            client = sasl.client(
                "CRAM-MD5", sasl.Credentials("alice", "pencil"), channel=channel
            )
            request = server.step(client.step(server.start().data))
            self.assertEqual(request.mechanism, "CRAM-MD5")
            self.assertIs(request.channel, channel)
            if good is None:
                with self.assertRaises(sasl.StateError):
                    request.answer(secret)
                continue
            self.assertEqual(isinstance(request.answer(secret), sasl.Success), good)


if __name__ == "__main__":
    unittest.main()
