"""Who may send as whom, by Postfix's tables."""

from __future__ import annotations

import os
import tempfile
import unittest
from pathlib import Path

from sasl_core.backends import Unavailable
from sasl_core.backends._address import Address
from sasl_core.backends.senders import PostfixMaps, Senders

from ._senders import ALICE


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
