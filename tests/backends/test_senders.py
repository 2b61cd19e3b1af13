"""Who may send as whom."""

from __future__ import annotations

import time
import unittest

from sasl_core.backends._address import Address
from sasl_core.backends.senders import Domain, Map, Own, Regex, Senders

from ._senders import ALICE

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


class Anybody:
    """The rule that forbids nothing; what is refused, is refused before it."""

    def allows(self, identity: str, sender: Address) -> bool:
        """Say yes."""
        return True


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


if __name__ == "__main__":
    unittest.main()
