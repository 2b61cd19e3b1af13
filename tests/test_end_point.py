"""tls-server-end-point: the hash of a certificate's own signature (RFC 5929, 4.1)."""

from __future__ import annotations

import contextlib
import hashlib
import unittest

from sasl_core import ChannelBinding
from sasl_core._end_point import end_point_hash

from ._hypothesis import given, st

_PSS = "1.2.840.113549.1.1.10"


def der(tag: int, *contents: bytes) -> bytes:
    """Write one DER element."""
    content = b"".join(contents)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    size = (len(content).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(content).to_bytes(size, "big") + content


def oid(dotted: str) -> bytes:
    """Write an object identifier."""
    first, second, *rest = map(int, dotted.split("."))
    octets = b""
    for arc in (40 * first + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.insert(0, arc & 0x7F | 0x80)
        octets += bytes(groups)
    return der(0x06, octets)


def certificate(algorithm: str, parameters: bytes = b"\x05\0", body: int = 10) -> bytes:
    """Write what a reader of the signature's algorithm takes for a certificate."""
    return der(
        0x30,
        der(0x30, bytes(body)),
        der(0x30, oid(algorithm), parameters),
        der(0x03, bytes(65)),
    )


class HashTest(unittest.TestCase):
    """Which hash belongs to which signature."""

    def check(self, data: bytes, hash_name: str) -> None:
        """Check the hash and the binding that is made of it."""
        expected = hashlib.new(hash_name, data).digest()
        self.assertEqual(end_point_hash(data), expected)
        binding = ChannelBinding.tls_server_end_point(data)
        self.assertEqual(binding, ChannelBinding("tls-server-end-point", expected))

    def test_signatures(self) -> None:
        """MD5 and SHA-1 become SHA-256, the others are themselves."""
        for algorithm, hash_name in (
            ("1.2.840.113549.1.1.4", "sha256"),  # md5WithRSAEncryption
            ("1.2.840.113549.1.1.5", "sha256"),  # sha1WithRSAEncryption
            ("1.2.840.113549.1.1.11", "sha256"),
            ("1.2.840.113549.1.1.12", "sha384"),
            ("1.2.840.113549.1.1.13", "sha512"),
            ("1.2.840.113549.1.1.14", "sha224"),
            ("1.2.840.10045.4.1", "sha256"),  # ecdsa-with-SHA1
            ("1.2.840.10045.4.3.2", "sha256"),
            ("1.2.840.10045.4.3.3", "sha384"),
            ("1.2.840.10045.4.3.4", "sha512"),
            ("2.16.840.1.101.3.4.3.10", "sha3_256"),
        ):
            with self.subTest(algorithm):
                self.check(certificate(algorithm), hash_name)

    def test_pss(self) -> None:
        """The hash is in the parameters; left out it is SHA-1, which becomes SHA-256."""
        for hash_oid, hash_name in (
            ("1.3.14.3.2.26", "sha256"),
            ("2.16.840.1.101.3.4.2.1", "sha256"),
            ("2.16.840.1.101.3.4.2.2", "sha384"),
            ("2.16.840.1.101.3.4.2.3", "sha512"),
        ):
            parameters = der(0x30, der(0xA0, der(0x30, oid(hash_oid), b"\x05\0")))
            with self.subTest(hash_oid):
                self.check(certificate(_PSS, parameters), hash_name)
        self.check(certificate(_PSS, der(0x30)), "sha256")
        only_salt = der(0x30, der(0xA2, b"\x02\x01\x20"))
        self.check(certificate(_PSS, only_salt), "sha256")

    def test_lengths(self) -> None:
        """Short and long forms, up to a certificate of 70,000 octets."""
        for body in (0, 0x7F, 0x80, 0xFF, 0x100, 70_000):
            self.check(certificate("1.2.840.113549.1.1.12", body=body), "sha384")

    def test_undefined(self) -> None:
        """Ed25519, Ed448 and what nobody knows: said, not guessed."""
        for algorithm in ("1.3.101.112", "1.3.101.113", "1.2.3.4", "2.999.1"):
            with self.subTest(algorithm), self.assertRaisesRegex(ValueError, "hash"):
                end_point_hash(certificate(algorithm))
        unknown = der(0x30, der(0xA0, der(0x30, oid("1.2.3.4"))))
        with self.assertRaises(ValueError):
            end_point_hash(certificate(_PSS, unknown))


class MalformedTest(unittest.TestCase):
    """What is no certificate is a ValueError, whatever it is."""

    def test_cut_short(self) -> None:
        """At every octet up to the end of the algorithm."""
        whole = certificate("1.2.840.113549.1.1.11")
        for size in range(len(whole)):
            with self.subTest(size), self.assertRaises(ValueError):
                end_point_hash(whole[:size])

    def test_odd_lengths(self) -> None:
        """Indefinite, and longer than any certificate."""
        whole = certificate("1.2.840.113549.1.1.11")
        longer = whole[:1] + b"\x85" + (len(whole) - 2).to_bytes(5, "big") + whole[2:]
        with self.assertRaises(ValueError):
            end_point_hash(longer)
        for head in (b"\x30\x80", b"\x30\x85\0\0\0\0\1", b"\x30\xff", b"", b"\x31\0"):
            with self.subTest(head), self.assertRaises(ValueError):
                end_point_hash(head + bytes(100))

    @given(st.data())
    def test_anything(self, data: st.DataObject) -> None:
        """Any octets, and any change in a good certificate."""
        good = certificate(_PSS, der(0x30, der(0xA0, der(0x30, oid("1.3.14.3.2.26")))))
        at = data.draw(st.integers(0, len(good) - 1))
        octets = data.draw(st.binary(max_size=3))
        for text in (octets * 20, good[:at] + octets + good[at + 1 :]):
            with contextlib.suppress(ValueError):
                self.assertIn(len(end_point_hash(text)), (28, 32, 48, 64))


if __name__ == "__main__":
    unittest.main()
