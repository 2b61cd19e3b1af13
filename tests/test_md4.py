"""MD4, in plain Python and by whatever OpenSSL has."""

from __future__ import annotations

import unittest

from sasl_core._md4 import md4, pure_md4

# RFC 1320, appendix A.5.
SUITE = {
    "": "31d6cfe0d16ae931b73c59d7e0c089c0",
    "a": "bde52cb31de33e46245e05fbdbd6fb24",
    "abc": "a448017aaf21d8525fc10ae87aa6729d",
    "message digest": "d9130a8164549fe818874806e1c7014b",
    "abcdefghijklmnopqrstuvwxyz": "d79e1c308aa5bbcdeea8ed63df412da9",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789": (
        "043f8582f241db351ce627e153e7f0e4"
    ),
    "1234567890" * 8: "e33b4ddc9c38f2199c3e7b164fcc0536",
}
# How many letters a -> what `openssl dgst -md4 -provider legacy` says of them.
PADDED = {
    55: "c889c81dd86c4d2e025778944ea02881",
    56: "d5f9a9e9257077a5f08b0b92f348b0ad",
    57: "872097e6f78e3b53f890459d03bc6fb7",
    63: "7ea3da77432d44c323671097d1348fc8",
    64: "52f5076fabd22680234a3fa9f9dc5732",
    65: "330e377bf231f3cacfecc2c182fe7e5b",
    119: "e65dd227ccef97fa1d34d70189120f76",
    120: "b03ddbd470b47c013e0c7ab2ddd763db",
}


class MD4Test(unittest.TestCase):
    """Both ways give what the standard says."""

    def test_the_suite_of_rfc_1320(self) -> None:
        """Each message, each way."""
        for message, digest in SUITE.items():
            with self.subTest(message):
                self.assertEqual(pure_md4(message.encode()).hex(), digest)
                self.assertEqual(md4(message.encode()).hex(), digest)

    def test_around_the_ends_of_blocks(self) -> None:
        """Where the padding takes one more block, or does not."""
        for size, digest in PADDED.items():
            with self.subTest(size):
                self.assertEqual(pure_md4(b"a" * size).hex(), digest)
                self.assertEqual(md4(b"a" * size).hex(), digest)


if __name__ == "__main__":
    unittest.main()
