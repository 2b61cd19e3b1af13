"""The GS2 header (RFC 5801, section 4)."""

from __future__ import annotations

import unittest

from sasl_core._strict import Malformed
from sasl_core.mechanisms import _gs2 as gs2

from .._hypothesis import given, st

_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(str.encode)
_FLAGS = st.sampled_from([b"n", b"y", b"p=tls-unique", b"p=x.509"])


class HeaderTest(unittest.TestCase):
    """Written, read, and refused."""

    @given(_FLAGS, st.one_of(st.just(b""), _NAMES), st.binary(max_size=30))
    def test_what_is_written_is_read(
        self, flag: bytes, name: bytes, rest: bytes
    ) -> None:
        """Flag, authzid and what follows, whatever commas are in them."""
        found = gs2.split(gs2.header(flag, name) + rest)
        self.assertEqual(found, (flag, gs2.escape(name), rest))
        self.assertEqual(gs2.unescape(found[1]), name)

    @given(st.binary(max_size=30))
    def test_nothing_else_is_read(self, message: bytes) -> None:
        """What is read would be written so."""
        try:
            flag, name, rest = gs2.split(message)
            unescaped = gs2.unescape(name)
        except Malformed:
            return
        self.assertEqual(gs2.header(flag, unescaped) + rest, message)

    def test_refused(self) -> None:
        """Unknown flags, names without a=, empty ones, one comma."""
        for message in (
            b"",
            b"n",
            b"n,",
            b"y,a=x",
            b"N,,",
            b"p,,",
            b"p=,,",
            b"p=a_b,,",
            b"p=a b,,",
            b"F,n,,",
            b"n,x,",
            b"n,a=,",
            b"n,A=x,",
            b"n,a,",
            b"\x00n,,",
        ):
            with self.subTest(message), self.assertRaises(Malformed):
                gs2.split(message)


class SaslnameTest(unittest.TestCase):
    """Commas and equals signs in a name."""

    def test_escapes(self) -> None:
        """Both, and only both; in upper case."""
        self.assertEqual(gs2.escape(b"a,b=c"), b"a=2Cb=3Dc")
        self.assertEqual(gs2.escape(b"=2C"), b"=3D2C")
        self.assertEqual(gs2.unescape(b"=3D2C"), b"=2C")

    def test_refused(self) -> None:
        """A lone =, lower case, half an escape."""
        for name in (
            b"=",
            b"a=",
            b"=2",
            b"=2c",
            b"=3d",
            b"=41",
            b"==2C",
            b"=2C=",
            b"=%",
        ):
            with self.subTest(name), self.assertRaises(Malformed):
                gs2.unescape(name)


if __name__ == "__main__":
    unittest.main()
