"""The GS2 header (RFC 5801, section 4)."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core._strict import Malformed
from sasl_core.mechanisms import _gs2 as gs2
from sasl_core.mechanisms._identities import MAX_NAME

from .. import _accounts as accounts
from .._hypothesis import given, st
from ._both import reason, server

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
            b"p=_a,,",
            b"q=tls-unique,,",
            b"n=tls-unique,,",
            b"y=tls-unique,,",
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

    def test_a_long_name(self) -> None:
        """As long as a name may be, all of it escaped; a longer one stays as it is."""
        self.assertEqual(gs2.unescape(b"=2C" * MAX_NAME), b"," * MAX_NAME)
        longer = b"=2C" * (MAX_NAME + 1)
        self.assertEqual(gs2.unescape(longer), longer)

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


class BindingTest(unittest.TestCase):
    """What a flag says of the channel (section 5)."""

    def bound(self, flag: bytes, name: str, *, offered: bool = True) -> object:
        """Ask a server that offers the -PLUS too, or has nothing to bind to."""
        made = server(
            name,
            on=accounts.channel(name, bindings=accounts.BINDINGS if offered else ()),
            allow=(name, f"{name}-PLUS"),
        )
        return gs2.data_to_bind(flag, made, binds=name.endswith("-PLUS"))

    def test_each_type_has_its_data(self) -> None:
        for binding in accounts.BINDINGS:
            flag = b"p=" + binding.type.encode()
            self.assertEqual(self.bound(flag, "SCRAM-SHA-256-PLUS"), binding.data)
            # What is bound, is bound by the -PLUS.
            failure = self.bound(flag, "SCRAM-SHA-256")
            self.assertIs(reason(failure), sasl.Reason.UNSUPPORTED)
        failure = self.bound(b"p=tls-other", "SCRAM-SHA-256-PLUS")
        self.assertIs(reason(failure), sasl.Reason.UNSUPPORTED)

    def test_nothing(self) -> None:
        """Who cannot bind may go without; who could, and was offered it, may not."""
        for flag, offered in ((b"n", True), (b"n", False), (b"y", False)):
            found = self.bound(flag, "SCRAM-SHA-256", offered=offered)
            self.assertEqual(found, b"", (flag, offered))
        failure = self.bound(b"y", "SCRAM-SHA-256")
        self.assertIs(reason(failure), sasl.Reason.BAD_CREDENTIALS)
        for flag in (b"n", b"y"):
            with self.assertRaises(Malformed):
                self.bound(flag, "SCRAM-SHA-256-PLUS")


if __name__ == "__main__":
    unittest.main()
