"""Public keys among the records: read what openssl and Atheme write, refuse all else."""

from __future__ import annotations

import unittest
from base64 import b64decode, b64encode

from sasl_core import records
from sasl_core.records import EcdsaPublicKey, X25519PublicKey

# Of one key: as Atheme stores it; `openssl ec -pubout` in PEM, in DER, and
# that with -conv_form compressed.
STORED = "AypaU/OhUxs32R0aU/M0UdttTUwivPPta0t3F2ZAaj/b"
DER = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKlpT86FTGzfZHRpT8zRR221NTCK8"
    "8+1rS3cXZkBqP9s6OhQ5ClbLzHCdoA47rrFOOJs8SKHaEJTXSH79IMUGNQ=="
)
SHORT = (
    "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADKlpT86FTGzfZHRpT8zRR221NTCK88+1rS3cXZkBqP9s="
)
PEM = f"-----BEGIN PUBLIC KEY-----\n{DER[:64]}\n{DER[64:]}\n-----END PUBLIC KEY-----\n"
SECP256K1 = (
    "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEXVQDf4yTgiccgQ272pkxbAQH7WTvcLKE"
    "X37tUZFeISvvw1giJEAdZdFaI57aCuMF2q+DA5AT+yuy/8Ezq7OvCQ=="
)
KEY = EcdsaPublicKey(b64decode(STORED))


class PublicKeyTest(unittest.TestCase):
    """Of P-256."""

    def test_every_form(self) -> None:
        """One key; what is written is read again."""
        for text in (
            "{ECDSA-NIST256P}" + STORED,
            "{ECDSA-NIST256P}" + DER,
            "{ECDSA-NIST256P}" + SHORT,
            "{ecdsa-nist256p}" + b64encode(b64decode(DER)[26:]).decode(),
            PEM,
            PEM.replace("\n", "\r\n"),
        ):
            with self.subTest(text):
                self.assertEqual(records.parse(text), (KEY,))
        self.assertEqual(KEY.format(), "{ECDSA-NIST256P}" + STORED)
        self.assertEqual(records.parse(STORED, default="ECDSA-NIST256P"), (KEY,))

    def test_both_signs(self) -> None:
        """Of y, which is all that the first octet tells."""
        other = EcdsaPublicKey(bytes([5 - KEY.point[0]]) + KEY.point[1:])
        self.assertNotEqual(other, KEY)
        self.assertEqual({key.point[0] for key in (KEY, other)}, {2, 3})

    def test_what_is_none(self) -> None:
        """Another curve, a point beside it, and what is cut, or more than one."""
        point = b64decode(DER)[26:]
        wrong = [
            b"",
            bytes(33),
            point[:64],
            point + b"\0",
            point[:-1] + bytes([point[-1] ^ 1]),
            b"\5" + point[1:],
            b"\2" + bytes(31) + b"\1",  # x = 1: no y for it
            b"\2" + b"\xff" * 32,
            KEY.point + b"\0",
            b"\4" + KEY.point[1:],
            point + bytes(32),
            point[:1] + bytes(64) + point[1:],
        ]
        texts = [b64encode(each).decode() for each in wrong]
        texts += [SECP256K1, DER[:-4], STORED[:-1], STORED + " ", "*"]
        for text in texts:
            with self.subTest(text), self.assertRaises(ValueError):
                records.parse("{ECDSA-NIST256P}" + text)
        private = PEM.replace("PUBLIC", "EC PRIVATE")
        for text in (private, PEM + PEM, PEM[:-9], "-----BEGIN PUBLIC KEY-----"):
            with self.subTest(text), self.assertRaises(ValueError):
                records.parse(text)

    def test_it_is_no_password(self) -> None:
        """None fits it, it is not weak, and its decoy is another."""
        for password in ("", "pencil", STORED, KEY.format()):
            self.assertIs(KEY.verify(password), False)
        self.assertFalse(records.weak(KEY))
        self.assertNotEqual(KEY.decoy(), KEY)
        self.assertEqual(len(KEY.decoy().point), len(KEY.point))


class AgreementKeyTest(unittest.TestCase):
    """Of X25519."""

    def test_every_form(self) -> None:
        """As Atheme stores it; `openssl pkey -pubout` in DER, and in PEM."""
        digits = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
        info = f"MCowBQYDK2VuAyEA{digits}"
        pem = f"-----BEGIN PUBLIC KEY-----\n{info}\n-----END PUBLIC KEY-----\n"
        key = X25519PublicKey(b64decode(digits))
        for text in (f"{{X25519}}{digits}", f"{{x25519}}{info}", pem):
            with self.subTest(text):
                self.assertEqual(records.parse(text), (key,))
        self.assertEqual(key.format(), f"{{X25519}}{digits}")
        self.assertNotEqual(key.decoy(), key)
        self.assertIs(key.verify(digits), False)
        self.assertFalse(records.weak(key))

    def test_what_is_none(self) -> None:
        """Of another size, of Ed25519, or one with which anybody is in."""
        ed25519 = bytes.fromhex("302a300506032b6570032100") + KEY.point[1:]
        for octets in (
            b"",
            bytes(31),
            b"\x09" + bytes(32),
            ed25519,
            bytes(32),
            b"\1" + bytes(31),
        ):
            text = "{X25519}" + b64encode(octets).decode()
            with self.subTest(text), self.assertRaises(ValueError):
                records.parse(text)


if __name__ == "__main__":
    unittest.main()
