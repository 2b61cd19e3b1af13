"""What is true of every store, whatever is behind it."""

from __future__ import annotations

import threading
from typing import Any

from sasl_core import Reason, ScramKeys, records
from sasl_core.backends import Account

HOSTILE = [
    "' OR '1'='1",
    'alice"; DROP TABLE sasl_account; --',
    "*)(uid=*))(|(uid=*",
    "alice)(cn=*",
    "../../etc/passwd",
    "alice\\2a",
    "%",
    "_lice",
    "alice%",
    "{alice}",
    "${jndi:ldap://127.0.0.1/x}",
    "a" * 1024,
    ":username",
    "%s",
    "%(username)s",
    "?",
    "alice\u00a0",
    " alice",
    "alice ",
    "ALICE",
    "\uff41lice",  # a wide a: what some collations take for one
    "j\u00fcrgen",
]
# Nobody's: they reach neither a query nor a line.
IMPOSSIBLE = [
    "",
    "alice\r\nbob:{PLAIN}x",
    "alice\nbob:x",
    "alice\0",
    "alice\x85",
    "alice\u2028bob",
    "alice\x1b[2J",
    "alice\ud800",
    "a" * 1025,
    "\u00e9" * 513,
    "x" * 1_000_000,
]


def keys(password: str, hash_name: str = "sha256") -> ScramKeys:
    """Derive keys that cost next to nothing."""
    return ScramKeys.derive(password, hash_name, iterations=2, salt=b"a salt of 16 oct")


WONDER = Account([keys("wonderland")])
LOOKING = Account([keys("looking-glass")])


class Contract:
    """A mixin; `make()` opens the store, each time anew, on the same accounts."""

    store: Any
    make: Any
    wonder = WONDER  # two accounts that it can hold
    looking = LOOKING
    lines = False  # one record, whose name is the beginning of a line
    full = True  # holds authzids, refusals and many records

    def test_find_what_was_put(self) -> None:
        """Under just this name."""
        self.assertTrue(self.store.replace("alice", None, self.wonder))
        self.assertEqual(self.store.find("alice"), self.wonder)
        self.assertEqual(self.make().find("alice"), self.wonder)
        for name in ("alic", "alice2", "Alice", "bob", "alice "):
            self.assertIsNone(self.store.find(name), name)

    def test_replace_compares(self) -> None:
        """Who has not read the newest overwrites nothing."""
        put = self.store.replace
        self.assertFalse(put("alice", self.wonder, self.looking))
        self.assertTrue(put("alice", None, self.wonder))
        self.assertFalse(put("alice", None, self.looking))
        self.assertFalse(put("alice", self.looking, self.wonder))
        self.assertEqual(self.store.find("alice"), self.wonder)
        self.assertTrue(put("alice", self.wonder, self.looking))
        self.assertFalse(put("alice", self.wonder, None))
        self.assertEqual(self.store.find("alice"), self.looking)
        self.assertTrue(put("alice", self.looking, None))
        self.assertIsNone(self.store.find("alice"))
        self.assertTrue(put("alice", None, None))

    def test_others_are_left_alone(self) -> None:
        """By each change."""
        for name in ("alice", "bob", "carol"):
            self.store.replace(name, None, self.wonder)
        self.store.replace("bob", self.wonder, self.looking)
        self.store.replace("carol", self.wonder, None)
        found = dict(self.store.accounts())
        self.assertEqual(found, {"alice": self.wonder, "bob": self.looking})

    def test_hostile_names_are_data(self) -> None:
        """Each finds itself and nobody else."""
        self.store.replace("alice", None, self.wonder)
        for name in HOSTILE:
            with self.subTest(ascii(name)[:40]):
                if self.lines and (":" in name or name.startswith("#")):
                    with self.assertRaises(ValueError):
                        self.store.replace(name, None, self.looking)
                    self.assertIsNone(self.store.find(name))
                    continue
                self.assertIsNone(self.store.find(name))
                self.assertTrue(self.store.replace(name, None, self.looking))
                self.assertEqual(self.store.find(name), self.looking)
                self.assertEqual(self.store.find("alice"), self.wonder)
        for name in HOSTILE:
            if self.store.find(name) is not None:
                self.assertTrue(self.store.replace(name, self.looking, None))
        self.assertEqual(dict(self.store.accounts()), {"alice": self.wonder})

    def test_impossible_names_are_nobody_s(self) -> None:
        """Looked up they are unknown, written they are refused."""
        self.store.replace("alice", None, self.wonder)
        for name in IMPOSSIBLE:
            with self.subTest(ascii(name)[:40]):
                self.assertIsNone(self.store.find(name))
                with self.assertRaises(ValueError):
                    self.store.replace(name, None, self.looking)
        self.assertEqual(dict(self.store.accounts()), {"alice": self.wonder})

    def test_everything_of_an_account(self) -> None:
        """Records of every kind, whom he may act as, and why he may not log in."""
        if not self.full:
            return
        every = Account(
            [
                keys("pencil"),
                keys("pencil", "sha1"),
                records.Plaintext("pen: cil, \u00fc {x}$"),
                *records.derive("pencil", ("CRAM-MD5", "PBKDF2-SHA256"), iterations=2),
            ],
            {"bob", "j\u00fcrgen", "*"},
            Reason.PASSWORD_EXPIRED,
        )
        self.assertTrue(self.store.replace("alice", None, every))
        self.assertEqual(self.make().find("alice"), every)
        self.assertTrue(self.store.replace("alice", every, self.wonder))
        self.assertEqual(self.make().find("alice"), self.wonder)

    def test_many_threads_lose_nothing(self) -> None:
        """Each adds its own accounts, and changes the one that all change."""
        self.store.replace("shared", None, self.wonder)
        wins: list[int] = []
        count = 10

        def work(number: int) -> None:
            for turn in range(count):
                self.store.replace(f"user-{number}-{turn}", None, self.wonder)
                old, new = (
                    (self.wonder, self.looking)
                    if turn % 2
                    else (self.looking, self.wonder)
                )
                if self.store.replace("shared", old, new):
                    wins.append(1 if turn % 2 else -1)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        names = {name for name, _ in self.store.accounts()}
        mine = {f"user-{n}-{t}" for n in range(4) for t in range(count)}
        self.assertEqual(names, mine | {"shared"})
        # The changes that succeeded are a chain: to looking, to wonder, to looking, ...
        self.assertIn(sum(wins), (0, 1))
        last = self.looking if sum(wins) else self.wonder
        self.assertEqual(self.store.find("shared"), last)
