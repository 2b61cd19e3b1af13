"""Who may send as whom."""

from __future__ import annotations

import os
import tempfile
import time
import unittest
from pathlib import Path

from sasl_core.backends import Unavailable
from sasl_core.backends._address import Address, quote, site
from sasl_core.backends.senders import (
    Domain,
    Map,
    Own,
    PostfixMaps,
    Regex,
    Senders,
)

from .._hypothesis import example, given, st

ALICE = "alice@example.org"
HOSTILE = [
    "alice@example.org\r\nRCPT TO:<x>",
    "alice@example.org\0",
    "alice\n@example.org",
    "\x85@example.org",
    "\u2028@example.org",
    "\ud800@example.org",
    "@relay.example:alice@example.org",
    "@example.org",
    "alice@",
    "@",
    "alice@@example.org@",
    "alice@.example.org",
    "alice@example..org",
    "alice@example.org.",
    "alice@exa mple.org",
    "<alice@example.org>",
    "alice@example.org>",
    "alice bob@example.org",
    '"alice@example.org',
    '"alice"bob@example.org',
    'a"l"ice@example.org',
    '"alice\\"@example.org',
    "alice(comment)@example.org",
    "alice,bob@example.org",
    "alice@[192.0.2.1",
    "alice@" + "x" * 64 + ".org",
    "a" * 1_000_000 + "@example.org",
    "@" * 1_000_000,
    '"' * 1_000_000,
    "alice@" + "a." * 500_000 + "org",
    "alice@" + "ü" * 1_000_000,
]

labels = st.text('abAB+.-@ "\\\u00fc', min_size=1, max_size=8)


class Anybody:
    """The rule that forbids nothing; what is refused, is refused before it."""

    def allows(self, identity: str, sender: Address) -> bool:
        """Say yes."""
        return True


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


class SendersTest(unittest.TestCase):
    """The rules together."""

    def test_hostile_senders(self) -> None:
        """Nobody may, and it takes no time to find out."""
        senders = Senders(Anybody())
        self.assertTrue(senders.may_send("alice", ALICE))
        begin = time.process_time()
        for sender in HOSTILE:
            with self.subTest(sender[:40]):
                self.assertIs(senders.may_send("alice", sender), False)
                self.assertIs(senders.may_send("alice", sender.swapcase()), False)
        self.assertLess(time.process_time() - begin, 2)

    def test_hostile_identities(self) -> None:
        """They may nothing, not even bounce."""
        senders = Senders(Anybody())
        for identity in ("", "alice\n", "a\0", "\ud800", "a" * 1_000_000):
            self.assertIs(senders.may_send(identity, ALICE), False)
            self.assertIs(senders.may_send(identity, ""), False)

    def test_the_null_sender(self) -> None:
        """Allowed unless it is not."""
        self.assertTrue(Senders().may_send("alice", ""))
        self.assertFalse(Senders(Anybody(), null_sender=False).may_send("alice", ""))

    def test_one_rule_is_enough(self) -> None:
        """None allows nothing."""
        self.assertFalse(Senders().may_send(ALICE, ALICE))
        both = Senders(Own(), Map({"info@example.org": ALICE}))
        self.assertTrue(both.may_send(ALICE, ALICE))
        self.assertTrue(both.may_send(ALICE, "info@example.org"))
        self.assertFalse(both.may_send(ALICE, "bob@example.org"))

    def test_the_delimiter(self) -> None:
        """Plus by default, none, or any of several."""
        plus = "alice+lists@example.org"
        self.assertTrue(Senders(Own()).may_send(ALICE, plus))
        self.assertFalse(Senders(Own(), delimiter="").may_send(ALICE, plus))
        self.assertFalse(Senders(Own(), delimiter="-").may_send(ALICE, plus))
        self.assertTrue(Senders(Own(), delimiter="-+").may_send(ALICE, plus))
        # Who has the extension has not what is before it.
        self.assertFalse(Senders(Own()).may_send(plus, ALICE))
        self.assertTrue(Senders(Own()).may_send(plus, plus))


class OwnTest(unittest.TestCase):
    """One's own address."""

    def test_an_identity_that_is_an_address(self) -> None:
        """The local part exactly, the domain in any case and form."""
        own = Senders(Own())
        for sender in ("alice@EXAMPLE.org", '"alice"@example.org'):
            self.assertTrue(own.may_send(ALICE, sender))
        for sender in ("Alice@example.org", "alice@example.com", "alice", "bob@x"):
            self.assertFalse(own.may_send(ALICE, sender))
        self.assertTrue(own.may_send("a@bücher.example", "a@xn--bcher-kva.example"))
        self.assertFalse(own.may_send("a@fass.de", "a@faß.de"))
        self.assertFalse(own.may_send("alice@a@example.org", "alice@example.org"))

    def test_a_bare_name(self) -> None:
        """Is of the domain that is given, or of none."""
        at = Senders(Own("Example.org"))
        self.assertTrue(at.may_send("alice", ALICE))
        self.assertTrue(at.may_send(ALICE, ALICE))
        self.assertFalse(at.may_send("alice", "alice"))
        self.assertFalse(at.may_send("alice", "alice@example.com"))
        self.assertFalse(at.may_send("alice@example.com", ALICE))
        bare = Senders(Own())
        self.assertTrue(bare.may_send("alice", "alice"))
        self.assertFalse(bare.may_send("alice", ALICE))

    def test_case_ignored(self) -> None:
        """Only if one asks for it."""
        own = Senders(Own("example.org", ignore_case=True))
        self.assertTrue(own.may_send("Alice", "aLICE+x@example.org"))
        self.assertFalse(Senders(Own("example.org")).may_send("Alice", ALICE))

    def test_an_identity_that_is_no_address(self) -> None:
        """It has none."""
        self.assertFalse(Senders(Own("example.org")).may_send("a b", "ab@example.org"))


class DomainTest(unittest.TestCase):
    """Any address in a domain."""

    def test_of_all(self) -> None:
        """One or several."""
        one = Senders(Domain("Example.org"))
        self.assertTrue(one.may_send("x", "any@example.ORG"))
        for sender in ("a@sub.example.org", "a@org", "a", "a@notexample.org"):
            self.assertFalse(one.may_send("x", sender))
        several = Senders(Domain(["example.org", "bücher.example"]))
        self.assertTrue(several.may_send("x", "a@xn--bcher-kva.example"))

    def test_of_each(self) -> None:
        """Identities are compared as addresses are."""
        rule = Domain({ALICE: ["example.org", "a.example"], "bob": "b.example"})
        each = Senders(rule)
        self.assertTrue(each.may_send("alice@EXAMPLE.org", "x@a.example"))
        self.assertTrue(each.may_send("bob", "x@b.example"))
        for identity, domain in [("bob", "a.example"), ("carol", "b.example")]:
            self.assertFalse(each.may_send(identity, f"x@{domain}"))

    def test_subdomains(self) -> None:
        """Only if one asks for them; never what is beside or above."""
        below = Senders(Domain("example.org", subdomains=True))
        for domain in ("example.org", "a.example.org", "b.a.EXAMPLE.org"):
            self.assertTrue(below.may_send("x", f"a@{domain}"))
        for domain in ("org", "notexample.org", "example.org.example", "[1.2.3.4]"):
            self.assertFalse(below.may_send("x", f"a@{domain}"))
        self.assertFalse(below.may_send("x", "example.org"))


class MapTest(unittest.TestCase):
    """Senders and their owners."""

    def test_the_first_key_decides(self) -> None:
        """The whole address, the one without extension, the domain."""
        rule = Map(
            {
                "info@example.org": ["alice", "bob"],
                "info+x@example.org": "carol",
                "@example.org": "dave",
                "root": "erin",
            }
        )
        senders = Senders(rule)
        allowed = [
            ("alice", "info@example.org"),
            ("bob", "info+y@EXAMPLE.org"),
            ("carol", "info+x@example.org"),
            ("dave", "other@example.org"),
            ("erin", "root"),
        ]
        for identity in ("alice", "bob", "carol", "dave", "erin"):
            for _, sender in allowed:
                with self.subTest(identity, sender=sender):
                    expected = (identity, sender) in allowed or (
                        identity in ("alice", "bob") and sender.startswith("info")
                    )
                    expected &= (identity, sender) not in [
                        ("alice", "info+x@example.org"),
                        ("bob", "info+x@example.org"),
                    ]
                    self.assertIs(senders.may_send(identity, sender), expected)

    def test_quotes_and_case(self) -> None:
        """A key needs the quotes that the address needs."""
        senders = Senders(Map({'"a b"@Example.org': "Alice@EXAMPLE.org"}))
        self.assertTrue(senders.may_send("Alice@example.org", '"a b"@example.org'))
        self.assertFalse(senders.may_send(ALICE, '"a b"@example.org'))
        folded = Senders(Map({"Info@example.org": "Alice"}, ignore_case=True))
        self.assertTrue(folded.may_send("aLICE", "iNFO+x@example.org"))

    def test_wrong_keys(self) -> None:
        """What is no sender; two that are the same one."""
        for owners in (
            {"a b@example.org": "x"},
            {"@": "x"},
            {"": "x"},
            {"a@Example.org": "x", "a@example.org": "y"},
        ):
            with self.assertRaises(ValueError):
                Map(owners)


class RegexTest(unittest.TestCase):
    """Senders by expression."""

    def test_the_whole_address_matches(self) -> None:
        """A part of it is not enough."""
        senders = Senders(Regex(r"([a-z]+)\.sales@example\.org", r"\1"))
        self.assertTrue(senders.may_send("alice", "alice.sales@Example.org"))
        for sender in (
            "alice.sales@example.org.evil.example",
            "x+alice.sales@example.org",
            '"evil@alice.sales@example.org"@x',
            "bob.sales@example.org",
        ):
            self.assertFalse(senders.may_send("alice", sender))

    def test_an_identity_is_no_pattern(self) -> None:
        """Nor a template."""
        senders = Senders(Regex(r"(.)@example\.org", r"\1"))
        for identity in (".", r"\1", ".*", "[a]", r"\g<0>"):
            self.assertFalse(senders.may_send(identity, "a@example.org"))
        self.assertTrue(senders.may_send("a", "a@example.org"))

    def test_several_logins(self) -> None:
        """By number, by name, and fixed; one that is empty is nobody."""
        logins = (r"\1", r"\g<who>@example.com", "boss")
        senders = Senders(Regex(r"(?:(x)|(?P<who>[a-z]+))@example\.org", logins))
        for identity in ("bob@example.com", "boss"):
            self.assertTrue(senders.may_send(identity, "bob@example.org"))
        self.assertFalse(senders.may_send("bob", "bob@example.org"))

    def test_what_is_matched(self) -> None:
        """No needless quotes, the domain as A-labels."""
        senders = Senders(Regex(r'("a b"|c)@xn--bcher-kva\.example', "x"))
        for sender in ('"a b"@bücher.example', '"c"@BÜCHER.example'):
            self.assertTrue(senders.may_send("x", sender))

    def test_wrong_expressions(self) -> None:
        """Said when they are given, templates included."""
        for pattern, login in (("(", "x"), ("x", r"\1"), ("(x)", r"\g<y>")):
            with self.assertRaises(ValueError):
                Regex(pattern, login)


class PostfixMapsTest(unittest.TestCase):
    """Postfix's tables; what is in them has tests of its own."""

    def setUp(self) -> None:
        """Have a directory."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.here = Path(directory.name)

    def maps(self, *texts: str, kind: str = "hash", **options: str) -> PostfixMaps:
        """Return the rule for tables of these texts."""
        names = []
        for number, text in enumerate(texts):
            path = self.here / str(number)
            path.write_text(text)
            names.append(f"{kind}:{path}")
        return PostfixMaps(*names, **options)

    def logins(self, maps: PostfixMaps, sender: str) -> tuple[str, ...]:
        """Return what an address is found to have."""
        address = Address.read(sender, "+")
        assert address is not None
        return maps.logins(address)

    def test_the_order_of_keys(self) -> None:
        """Each is looked up in all tables before the next one."""
        order = ["u+e@d", "u@d", "u+e", "u", "@d"]
        for skipped in range(len(order) + 1):
            text = "".join(f"{key} {at}\n" for at, key in enumerate(order[skipped:]))
            maps = self.maps("x x\n", text, local_domains="D")
            found = self.logins(maps, "u+e@d")
            self.assertEqual(found, ("0",) if skipped < len(order) else ())
        maps = self.maps("u@d first\n", "u+e@d second\n")
        self.assertEqual(self.logins(maps, "u+e@d"), ("second",))

    def test_local_parts_are_for_local_domains(self) -> None:
        """And for the origin, which is the domain of bare names."""
        text = "u x\nv@here y\n"
        maps = self.maps(text, local_domains="example.org", origin="here")
        self.assertEqual(self.logins(maps, "u@Example.org"), ("x",))
        self.assertEqual(self.logins(maps, "u@example.com"), ())
        for sender in ("u@here", "u", "u+e"):
            self.assertEqual(self.logins(maps, sender), ("x",))
        self.assertEqual(self.logins(maps, "v"), ("y",))
        without = self.maps(text)
        for sender in ("u", "v", "u@here"):
            self.assertEqual(self.logins(without, sender), ())

    def test_local_parts_that_route(self) -> None:
        """Postfix would look for the address that is in them: here, nobody may."""
        text = "/^/ anybody\n"
        maps = self.maps(text, kind="regexp", local_domains="d", origin="here")
        for local in ("a@b", "a%b", "b!a", '"a@b"'):
            self.assertEqual(self.logins(maps, f"{local}@d"), ())
            self.assertEqual(self.logins(maps, f"{local}@elsewhere"), ("anybody",))
        self.assertEqual(self.logins(maps, "b!a"), ())

    def test_quotes(self) -> None:
        """A key is found as it is written, and without its quotes."""
        maps = self.maps('"a b"@d one\na@b@e two\n"x y" three\n', local_domains="d")
        self.assertEqual(self.logins(maps, '"a b"@d'), ("one",))
        self.assertEqual(self.logins(maps, '"a@b"@e'), ("two",))
        self.assertEqual(self.logins(maps, '"x y"@d'), ("three",))

    def test_patterns_see_the_whole_address_only(self) -> None:
        """Not what is left of it without an extension."""
        maps = self.maps("/^u@d$/ x\n/^@d$/ y\n", kind="regexp", local_domains="d")
        self.assertEqual(self.logins(maps, "u@d"), ("x",))
        self.assertEqual(self.logins(maps, "u+e@d"), ())

    def test_a_comma_in_an_address_separates_no_logins(self) -> None:
        """So nobody owns a part of what he sends as."""
        senders = Senders(self.maps("/^(.*)@d$/ $1\n", kind="regexp"))
        self.assertTrue(senders.may_send("bob", "bob@d"))
        self.assertFalse(senders.may_send("bob", '"x, bob ,y"@d'))

    def test_case_is_ignored(self) -> None:
        """In keys and logins, as Postfix does."""
        senders = Senders(self.maps("Alice@Example.org BOB, Jürgen\n"))
        for identity in ("bob", "JÜRGEN"):
            self.assertTrue(senders.may_send(identity, "aLICE@example.ORG"))
        self.assertFalse(senders.may_send("alice", ALICE))

    def test_what_is_wrong_at_first_is_said(self) -> None:
        """By line; or the system's error."""
        with self.assertRaisesRegex(ValueError, "line 2"):
            self.maps("a b\nc\n")
        with self.assertRaises(OSError):
            PostfixMaps(f"hash:{self.here / 'none'}")
        for name in ("ldap:/x", "hash:", "relative", "cidr:/x", "static:all", ""):
            with self.assertRaises(ValueError):
                PostfixMaps(name)

    def test_a_path_alone_and_proxies(self) -> None:
        """Are tables of hash:."""
        path = self.here / "table"
        path.write_text("a@d x\n")
        for name in (str(path), f"proxy:hash:{path}", f"lmdb:{path}"):
            self.assertEqual(self.logins(PostfixMaps(name), "a@d"), ("x",))

    def test_a_change_within_the_tick_of_the_clock(self) -> None:
        """A file of the same size and time stamp, just written, is read again."""
        path = self.here / "table"
        path.write_text("a@d alice\n")
        stamp = path.stat().st_mtime_ns
        maps = PostfixMaps(f"texthash:{path}")
        self.assertEqual(self.logins(maps, "a@d"), ("alice",))
        path.write_text("a@d bobby\n")
        os.utime(path, ns=(stamp, stamp))
        self.assertEqual(self.logins(maps, "a@d"), ("bobby",))

    def test_a_changed_file_is_read_again(self) -> None:
        """Rewritten, replaced; while it is broken or away nothing is decided."""
        maps = self.maps("a@d x\n")
        senders = Senders(maps)
        path = self.here / "0"
        path.write_text("a@d changed\n")
        self.assertEqual(self.logins(maps, "a@d"), ("changed",))
        # Of the same size, a nanosecond later.
        path.write_text("a@d CHANGED\n")
        later = path.stat().st_mtime_ns + 1
        os.utime(path, ns=(later, later))
        self.assertEqual(self.logins(maps, "a@d"), ("CHANGED",))
        other = self.here / "new"
        other.write_text("a@d another\n")
        other.replace(path)
        self.assertEqual(self.logins(maps, "a@d"), ("another",))
        path.write_text("broken\n")
        for _ in range(2):
            with self.assertRaisesRegex(Unavailable, "line 1"):
                senders.may_send("x", "a@d")
        path.unlink()
        with self.assertRaises(Unavailable):
            senders.may_send("x", "a@d")
        path.write_text("a@d x\n")
        self.assertTrue(senders.may_send("x", "a@d"))


if __name__ == "__main__":
    unittest.main()
