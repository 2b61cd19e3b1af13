"""The arithmetic of SCRAM against the standard library and the published example."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unittest

from sasl_core._scram_math import NAMES, suite

from ._hypothesis import given, st

_HASHES = st.sampled_from(sorted(NAMES))


class SuiteTest(unittest.TestCase):
    """H, HMAC, Hi and XOR for every hash."""

    @given(_HASHES, st.binary(max_size=200), st.binary(max_size=200))
    def test_hmac(self, name: str, key: bytes, message: bytes) -> None:
        """It is RFC 2104's, also for keys longer than a block."""
        expected = hmac.digest(key, message, name)
        self.assertEqual(suite(name).HMAC(key, message), expected)

    @given(_HASHES, st.integers(0, 300))
    def test_hmac_at_the_block(self, name: str, size: int) -> None:
        """Keys around the block size."""
        key = bytes(size)
        self.assertEqual(suite(name).HMAC(key, b"x"), hmac.digest(key, b"x", name))

    @given(_HASHES, st.binary(max_size=200))
    def test_h(self, name: str, message: bytes) -> None:
        """It is the hash itself."""
        self.assertEqual(suite(name).H(message), hashlib.new(name, message).digest())

    @given(_HASHES, st.data())
    def test_xor(self, name: str, data: st.DataObject) -> None:
        """Octet by octet, zeros in front included."""
        math = suite(name)
        one = data.draw(st.binary(min_size=math.size, max_size=math.size))
        other = data.draw(st.binary(min_size=math.size, max_size=math.size))
        mixed = bytes(a ^ b for a, b in zip(one, other, strict=True))
        self.assertEqual(math.XOR(one, other), mixed)
        self.assertEqual(math.XOR(one, one), bytes(math.size))

    def test_hi_by_its_definition(self) -> None:
        """RFC 5802, section 2.2: U1 xor U2 xor ... xor Ui."""
        for name in NAMES:
            math = suite(name)
            block = math.HMAC(b"pencil", b"salt\0\0\0\1")
            total = block
            for _ in range(4):
                block = math.HMAC(b"pencil", block)
                total = math.XOR(total, block)
            with self.subTest(name):
                self.assertEqual(math.Hi(b"pencil", b"salt", 5), total)

    def test_the_example_of_rfc_5802(self) -> None:
        """Section 5: the proof and the signature, step by step."""
        math = suite("sha1")
        salted = math.Hi(b"pencil", base64.b64decode("QSXCR+Q6sek8bf92"), 4096)
        auth_message = (
            b"n=user,r=fyko+d2lbbFgONRv9qkxdawL,"
            b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,"
            b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j"
        )
        client_key = math.HMAC(salted, b"Client Key")
        signature = math.HMAC(math.H(client_key), auth_message)
        proof = base64.b64encode(math.XOR(client_key, signature))
        self.assertEqual(proof, b"v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=")
        server_key = math.HMAC(salted, b"Server Key")
        verifier = base64.b64encode(math.HMAC(server_key, auth_message))
        self.assertEqual(verifier, b"rmF9pqV8S7suAoZWja4dJRkFsKQ=")

    def test_unknown_hashes(self) -> None:
        """Only SCRAM's; MD5 is none of them."""
        for name in ("md5", "sha3_256", "", "SHA256", "blake2b"):
            with self.subTest(name), self.assertRaises(ValueError):
                suite(name)

    def test_a_suite_is_made_once(self) -> None:
        """It is shared."""
        self.assertIs(suite("sha256"), suite("sha256"))


if __name__ == "__main__":
    unittest.main()
