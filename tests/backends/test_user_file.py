"""Accounts in files: what is common to all forms, Dovecot's and Apache's."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

from sasl_core import Reason, records
from sasl_core.backends import Account, Unavailable
from sasl_core.backends._line_file import LineFile
from sasl_core.backends.htpasswd import Htpasswd
from sasl_core.backends.passwd import PasswdFile

from ._contract import LOOKING, WONDER, Contract, keys
from ._kill import kill_writers

_SHA = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="  # of "secret"


class Base(unittest.TestCase):
    """A file in a directory of its own."""

    def setUp(self) -> None:
        """Make it, empty."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name, "users")
        self.path.write_bytes(b"")
        self.store = self.make()

    def make(self) -> PasswdFile:
        """Open it."""
        return PasswdFile(self.path)


class PasswdFileTest(Contract, Base):
    """Dovecot's form, and all that is true of stores."""

    lines = True
    full = False

    def test_as_dovecot_has_it(self) -> None:
        """Fields, extra fields, comments, empty lines, other line ends."""
        text = keys("pencil").format("dovecot")
        self.path.write_text(
            "# a comment: of two fields\n"
            "\n"
            f"alice:{text}:1000:1000::/home/alice::userdb_mail=maildir:~/Maildir\n"
            f"bob:{text}\r\n"
            f"carol:{text}::::::nologin\n"
            f"dave:{text}::::::allow_nets=127.0.0.0/8\n"
            f"erin:{text}::::::userdb_authzids=alice,bob userdb_quota=1\n"
            "frank::::::: nopassword\n"
            "grace\n"
            f"alice:{LOOKING.records[0].format('dovecot')}\n",
            newline="",
        )
        good = [keys("pencil")]
        expected = {
            "alice": Account(good),
            "bob": Account(good),
            "carol": Account(good, (), Reason.DISABLED),
            "dave": Account(good, (), Reason.DISABLED),
            "erin": Account(good, {"alice", "bob"}),
            "frank": Account(),
            "grace": Account(),
        }
        self.assertEqual(dict(self.store.accounts()), expected)
        for name, account in expected.items():
            self.assertEqual(self.store.find(name), account)

    def test_what_is_not_changed_stays(self) -> None:
        """To the octet: comments, order, other fields, octets that are no UTF-8."""
        old = WONDER.records[0].format("dovecot")
        new = LOOKING.records[0].format("dovecot")
        before = (
            b"# caf\xe9: a comment\n\n"
            b"bob:{PLAIN}x:1::g\xe9cos:/home:/bin/sh:quota=1  \n"
            b"alice:%b:5:6:A. Liddell:/home/a:/bin/sh:a=b userdb_x=y:z\n"
            b"  # the end\n"
        ) % old.encode()
        self.path.write_bytes(before)
        self.assertTrue(self.store.replace("alice", WONDER, LOOKING))
        expected = before.replace(old.encode(), new.encode())
        self.assertEqual(self.path.read_bytes(), expected)

    def test_authzids_and_nologin_are_written(self) -> None:
        """Beside the extra fields that were there."""
        self.store.replace("alice", None, WONDER)
        line = self.path.read_text().rstrip("\n")
        self.path.write_text(line + "userdb_x=1\n")
        boss = Account(WONDER.records, {"bob", "carol"}, Reason.DISABLED)
        self.assertTrue(self.store.replace("alice", WONDER, boss))
        extra = self.path.read_text().rstrip("\n").split(":", 7)[7]
        self.assertEqual(extra, "userdb_x=1 userdb_authzids=bob,carol nologin")
        self.assertEqual(self.store.find("alice"), boss)
        self.assertTrue(self.store.replace("alice", boss, WONDER))
        self.assertTrue(self.path.read_text().endswith(":userdb_x=1\n"))

    def test_what_a_line_cannot_hold_is_refused(self) -> None:
        """Rather than written so that it reads as something else."""
        for account in (
            Account([keys("a"), keys("b", "sha1")]),
            Account(WONDER.records, {"a b"}),
            Account(WONDER.records, {"a,b"}),
            Account(WONDER.records, {"a\nroot:{PLAIN}x"}),
            Account(WONDER.records, (), Reason.PASSWORD_EXPIRED),
        ):
            with self.subTest(repr(account)), self.assertRaises(ValueError):
                self.store.replace("alice", None, account)
        self.assertEqual(self.path.read_bytes(), b"")

    def test_an_account_limited_by_dovecot_stays_so(self) -> None:
        """A new password does not make it one that may log in here."""
        text = WONDER.records[0].format("dovecot")
        self.path.write_text(f"alice:{text}::::::allow_nets=10.0.0.0/8\n")
        limited = Account(WONDER.records, (), Reason.DISABLED)
        with self.assertRaises(ValueError):
            self.store.replace("alice", limited, LOOKING)
        self.assertEqual(self.store.find("alice"), limited)


class HtpasswdTest(Contract, Base):
    """Apache's form, and all that is true of stores, with hashes that it knows."""

    lines = True
    full = False
    wonder = Account(records.parse(_SHA))
    looking = Account(records.parse(_SHA.replace("5en", "9en")))

    def make(self) -> Htpasswd:
        """Open the file, with a verifier that says which text it saw."""
        return Htpasswd(self.path, verifiers={"BCRYPT": self.verify})

    def verify(self, text: str, password: str) -> bool:
        """Stand in for bcrypt."""
        return password == "right for " + text[-4:]

    def test_forms(self) -> None:
        """{SHA}, bcrypt, and what needs a verifier that is not there."""
        bcrypt = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
        self.path.write_text(
            f"alice:{_SHA}\nbob:{bcrypt}\ncarol:$apr1$abcdefgh$0123456789abcdef012345\n"
            "dave:clear\nerin:rqXexS6ZhobKA\n"
        )
        found = {name: account.records for name, account in self.store.accounts()}
        self.assertTrue(found["alice"][0].verify("secret"))
        self.assertFalse(found["alice"][0].verify("Secret"))
        self.assertTrue(found["bob"][0].verify("right for yOeW"))
        with self.assertRaises(records.Unverifiable):
            found["carol"][0].verify("x")
        self.assertEqual((found["dave"], found["erin"]), ((), ()))

    def test_only_what_apache_reads_is_written(self) -> None:
        """No SCRAM keys, no authzids, no refusals."""
        sha = records.parse(_SHA)
        for account in (
            Account([keys("x")]),
            Account(sha, {"bob"}),
            Account(sha, (), Reason.DISABLED),
            Account([*sha, *sha]),
        ):
            with self.subTest(repr(account)), self.assertRaises(ValueError):
                self.store.replace("alice", None, account)
        self.assertTrue(self.store.replace("alice", None, Account(sha)))
        self.assertEqual(self.path.read_text(), f"alice:{_SHA}\n")


class LineFileTest(Base):
    """Reading again, replacing, locking."""

    def test_a_change_is_seen_at_once(self) -> None:
        """Even one of the same size, in the same tick of the clock."""
        for turn in range(20):
            self.path.write_bytes(b"line %02d\n" % turn)
            self.assertEqual(LineFile(self.path).lines(), (b"line %02d" % turn,))
        file = LineFile(self.path)
        for turn in range(20):
            self.path.write_bytes(b"line %02d\n" % turn)
            self.assertEqual(file.lines(), (b"line %02d" % turn,))

    def test_an_old_file_is_read_once(self) -> None:
        """Until it changes."""
        self.path.write_bytes(b"one\n")
        os.utime(self.path, (1_000_000_000, 1_000_000_000))
        file = LineFile(self.path)
        first = file.lines()
        self.assertIs(file.lines(), first)
        with mock.patch("builtins.open", side_effect=AssertionError):
            self.assertIs(file.lines(), first)
        self.path.write_bytes(b"two\n")
        self.assertEqual(file.lines(), (b"two",))

    def test_mode_and_link_are_kept(self) -> None:
        """The file behind a link is replaced, with its mode."""
        self.path.write_bytes(b"one\n")
        self.path.chmod(0o640)
        link = self.path.with_name("link")
        link.symlink_to(self.path)
        with LineFile(link).changing() as lines:
            lines.append(b"two")
        self.assertTrue(link.is_symlink())
        self.assertEqual(self.path.read_bytes(), b"one\ntwo\n")
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)

    def test_nothing_changed_nothing_written(self) -> None:
        """Nor where the block raised."""
        self.path.write_bytes(b"one\n")
        inode = self.path.stat().st_ino
        file = LineFile(self.path)
        with file.changing():
            pass
        with self.assertRaises(KeyError), file.changing() as lines:
            lines.clear()
            raise KeyError
        self.assertEqual(self.path.stat().st_ino, inode)
        self.assertEqual(file.lines(), (b"one",))

    def test_what_a_crash_left_is_written_over(self) -> None:
        """The new file has one name."""
        self.path.with_name(".users.new").write_bytes(b"half a li")
        with LineFile(self.path).changing() as lines:
            lines.append(b"one")
        self.assertEqual(self.path.read_bytes(), b"one\n")
        names = {path.name for path in self.path.parent.iterdir()}
        self.assertEqual(names, {"users", ".users.lock"})

    def test_a_file_that_is_not_there(self) -> None:
        """It cannot be told; it is not that nobody is known."""
        missing = PasswdFile(self.path.with_name("missing"))
        with self.assertRaisesRegex(Unavailable, "ENOENT"):
            missing.find("alice")
        with self.assertRaisesRegex(Unavailable, "ENOENT"):
            missing.replace("alice", None, WONDER)

    def test_a_lock_that_is_not_to_be_had(self) -> None:
        """It is waited for in vain, then said."""
        holding, done = threading.Event(), threading.Event()

        def hold() -> None:
            with LineFile(self.path).changing():
                holding.set()
                done.wait(10)

        thread = threading.Thread(target=hold)
        thread.start()
        holding.wait(10)
        try:
            store = PasswdFile(self.path, timeout=0.01)
            with self.assertRaises(Unavailable):
                store.replace("alice", None, WONDER)
            self.assertIsNone(store.find("alice"))  # readers do not wait
        finally:
            done.set()
            thread.join()

    def test_two_processes_lose_nothing(self) -> None:
        """Each makes fifty accounts."""
        script = (
            "import sys\n"
            "from sasl_core.backends import Account\n"
            "from sasl_core.backends.passwd import PasswdFile\n"
            "store, me = PasswdFile(sys.argv[1]), sys.argv[2]\n"
            "for turn in range(50):\n"
            "    assert store.replace(f'{me}-{turn}', None, Account())\n"
        )
        both = [
            subprocess.Popen([sys.executable, "-c", script, self.path, name])
            for name in ("one", "two")
        ]
        self.assertEqual([process.wait(60) for process in both], [0, 0])
        names = {f"{name}-{turn}" for name in ("one", "two") for turn in range(50)}
        self.assertEqual(dict(self.store.accounts()).keys(), names)

    @unittest.skipUnless(hasattr(os, "fork"), "needs os.fork")
    def test_kill_9_leaves_the_old_or_the_new(self) -> None:
        """A hundred times, at whatever point of a write."""
        comment = b"# " + b"x" * 200_000 + b"\n"  # so that a write takes its time
        self.path.write_bytes(comment)
        self.store.replace("alice", None, WONDER)

        def write() -> None:
            store = PasswdFile(self.path)
            while True:
                store.replace("alice", WONDER, LOOKING)
                store.replace("alice", LOOKING, WONDER)

        seen = []

        def check() -> None:
            account = self.store.find("alice")
            self.assertIn(account, (WONDER, LOOKING))
            text = account.records[0].format("dovecot").encode()
            whole = comment + b"alice:" + text + b"::::::\n"
            self.assertEqual(self.path.read_bytes(), whole)
            seen.append(account == WONDER)

        kill_writers(write, check, 50)
        self.assertEqual(len(seen), 50)


if __name__ == "__main__":
    unittest.main()
