"""What a sender's address is made of."""

from __future__ import annotations

import unittest

from sasl_core.backends._address import Address, quote, site

from .._hypothesis import example, given, st

labels = st.text('abAB+.-@ "\\\u00fc', min_size=1, max_size=8)


class AddressTest(unittest.TestCase):
    """What an address is made of."""

    def test_parts(self) -> None:
        """Local part without quotes, domain, local part without extension."""
        cases = {
            "alice@example.org": ("alice", "example.org", "alice"),
            "alice+x+y@Example.ORG": ("alice+x+y", "Example.ORG", "alice"),
            "alice": ("alice", "", "alice"),
            "a@b@c": ("a@b", "c", "a@b"),
            '"a@b"@c': ("a@b", "c", "a@b"),
            '"a \\"b\\\\"@c': ('a "b\\', "c", 'a "b\\'),
            '"alice"@c': ("alice", "c", "alice"),
            "+x@c": ("+x", "c", "+x"),
            "alice+@c": ("alice+", "c", "alice"),
            "a@[192.0.2.1]": ("a", "[192.0.2.1]", "a"),
            "a@[IPv6:2001:db8::1]": ("a", "[IPv6:2001:db8::1]", "a"),
            "jürgen@bücher.example": ("jürgen", "bücher.example", "jürgen"),
        }
        for text, parts in cases.items():
            with self.subTest(text):
                self.assertEqual(Address.read(text, "+"), Address(*parts))

    def test_what_is_never_split(self) -> None:
        """As in Postfix: reserved names, and those of lists."""
        whole = ["postmaster", "MAILER-DAEMON", "double-bounce", "owner-x", "x-request"]
        whole.append("-request")
        for local in whole:
            address = Address.read(f"{local}@c", "-")
            assert address is not None
            self.assertEqual(address.bare, local)
        split = {"alice-x": "alice", "xowner-y": "xowner", "a-b+c": "a"}
        for local, bare in split.items():
            address = Address.read(f"{local}@c", "+-")
            assert address is not None
            self.assertEqual(address.bare, bare)

    @given(labels)
    @example("a..b")
    @example(".a")
    def test_what_is_quoted_is_read(self, local: str) -> None:
        """Any local part is written so that it is read again."""
        self.assertEqual(
            Address.read(f"{quote(local)}@example.org"), Address(local, "example.org")
        )

    def test_domains_are_compared_as_a_labels(self) -> None:
        """Of IDNA 2008: an eszett is no "ss", and a joiner is not nothing."""
        same = [
            ("Example.ORG", "example.org"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
        ]
        same += [
            ("faß.de", "xn--fa-hia.de"),
            ("bu\u0308cher.example", "bücher.example"),
        ]
        for one, other in same:
            self.assertEqual(site(one), site(other))
        differ = [("faß.de", "fass.de"), ("a\u200cb.example", "ab.example")]
        differ += [("example。org", "example.org"), ("\uff45xample.org", "example.org")]
        differ += [("\u212aa.org", "xn--a.org")]
        for one, other in differ:
            self.assertNotEqual(site(one), site(other))


if __name__ == "__main__":
    unittest.main()
