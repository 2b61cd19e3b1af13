"""Accounts in a database: SQLite here, the others in tests/interop."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sasl_core import Reason
from sasl_core.backends import Account, Unavailable
from sasl_core.backends.sql import FIND, SqlStore, _Statement, schema

from ._contract import LOOKING, WONDER, Contract, keys


class Base(unittest.TestCase):
    """A directory for the file."""

    def setUp(self) -> None:
        """Make the store."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name, "accounts.sqlite")
        self.store = self.make()

    def make(self) -> SqlStore:
        """Open the file."""
        store = SqlStore.sqlite(self.path)
        self.addCleanup(store.close)
        return store

    def run_sql(self, statement: str, *values: Any) -> list[Any]:
        """Go around the store."""
        with sqlite3.connect(self.path) as db:
            rows = db.execute(statement, values).fetchall()
        db.close()
        return rows


class SqliteTest(Contract, Base):
    """All that is true of stores, and what is SQLite's."""

    def test_it_is_in_wal_mode(self) -> None:
        """Readers do not wait for writers."""
        self.assertEqual(self.run_sql("PRAGMA journal_mode"), [("wal",)])

    def test_a_change_from_outside_is_seen(self) -> None:
        """Nothing is remembered by name."""
        self.store.replace("alice", None, WONDER)
        self.store.find("alice")
        text = LOOKING.records[0].format()
        self.run_sql("UPDATE sasl_account SET records = ?", text)
        self.assertEqual(self.store.find("alice"), LOOKING)
        self.run_sql("UPDATE sasl_account SET refusal = 'password_expired'")
        self.assertIs(self.store.find("alice").refusal, Reason.PASSWORD_EXPIRED)
        self.run_sql("UPDATE sasl_account SET refusal = 'no such word'")
        self.assertIs(self.store.find("alice").refusal, Reason.DISABLED)

    def test_a_record_that_cannot_be_read_is_none(self) -> None:
        """The others count."""
        text = "garbage\n" + keys("pencil").format() + "\n{UNKNOWN}x\n"
        self.run_sql("INSERT INTO sasl_account VALUES (?, ?, '', '')", "alice", text)
        self.assertEqual(self.store.find("alice"), Account([keys("pencil")]))
        # and what is written by comparison is compared with what stands there
        self.assertTrue(self.store.replace("alice", Account([keys("pencil")]), WONDER))
        self.assertEqual(self.store.find("alice"), WONDER)

    def test_no_connection_is_left_open(self) -> None:
        """They are used again, not made anew; `close` closes them."""
        made = []

        def connect() -> sqlite3.Connection:
            made.append(1)
            return sqlite3.connect(self.path, check_same_thread=False)

        store = SqlStore(sqlite3, connect)
        for _ in range(20):
            store.find("alice")
        self.assertEqual(len(made), 1)
        store.close()
        store.find("alice")
        self.assertEqual(len(made), 2)
        store.close()

    def test_a_connection_that_died_is_replaced(self) -> None:
        """Once: a database that is down is not asked for ever."""
        self.store.replace("alice", None, WONDER)
        opened: list[sqlite3.Connection] = []

        def connect() -> sqlite3.Connection:
            if len(opened) == 3:
                raise sqlite3.OperationalError("it is down")
            opened.append(sqlite3.connect(self.path, check_same_thread=False))
            return opened[-1]

        store = SqlStore(sqlite3, connect)
        for _ in range(3):
            self.assertEqual(store.find("alice"), WONDER)
            opened[-1].close()  # as a restart of the server would
        with self.assertRaisesRegex(Unavailable, "OperationalError"):
            store.find("alice")
        with self.assertRaises(Unavailable):
            list(store.accounts())

    def test_the_database_s_own_words_stay_inside(self) -> None:
        """They can show what was to be written."""
        self.run_sql("DROP TABLE sasl_account")
        with self.assertRaises(Unavailable) as caught:
            self.store.replace("alice", None, WONDER)
        error = caught.exception
        self.assertIsNone(error.__context__)
        self.assertNotIn("sasl_account", str(error))

    def test_two_processes_lose_nothing(self) -> None:
        """Each makes fifty accounts, and adds fifty records to one that both change."""
        self.store.replace("shared", None, Account())
        script = (
            "import sys\n"
            "from sasl_core.backends import Account\n"
            "from sasl_core.backends.sql import SqlStore\n"
            "store, me = SqlStore.sqlite(sys.argv[1]), sys.argv[2]\n"
            "for turn in range(50):\n"
            "    assert store.replace(f'{me}-{turn}', None, Account())\n"
            "    while True:\n"
            "        old = store.find('shared')\n"
            "        new = old.replace(authzids=old.authzids | {f'{me}-{turn}'})\n"
            "        if store.replace('shared', old, new):\n"
            "            break\n"
        )
        both = [
            subprocess.Popen([sys.executable, "-c", script, self.path, name])
            for name in ("one", "two")
        ]
        self.assertEqual([process.wait(60) for process in both], [0, 0])
        names = {f"{name}-{turn}" for name in ("one", "two") for turn in range(50)}
        self.assertEqual(dict(self.store.accounts()).keys(), names | {"shared"})
        self.assertEqual(self.store.find("shared").authzids, names)

    @unittest.skipUnless(hasattr(os, "fork"), "needs os.fork")
    def test_a_fork_does_not_share_connections(self) -> None:
        """The child opens its own; the parent's goes on."""
        self.store.replace("alice", None, WONDER)
        child = os.fork()
        if child == 0:
            good = not self.store._idle and self.store.find("alice") == WONDER
            os._exit(0 if good else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertTrue(self.store._idle)
        self.assertEqual(self.store.find("alice"), WONDER)

    @unittest.skipUnless(hasattr(os, "fork"), "needs os.fork")
    def test_kill_9_leaves_the_old_or_the_new(self) -> None:
        """A hundred times, at whatever point of a write."""
        from ._kill import kill_writers

        self.store.replace("alice", None, WONDER)
        self.store.close()

        def write() -> None:
            store = SqlStore.sqlite(self.path)
            while True:
                store.replace("alice", WONDER, LOOKING)
                store.replace("alice", LOOKING, WONDER)

        seen = []

        def check() -> None:
            account = self.store.find("alice")
            self.assertIn(account, (WONDER, LOOKING))
            seen.append(account == WONDER)

        kill_writers(write, check, 50)
        self.assertEqual(self.run_sql("PRAGMA integrity_check"), [("ok",)])
        self.assertEqual(len(seen), 50)


class OwnTablesTest(Base):
    """One's own schema, and one's own statements."""

    def test_a_table_of_hashes(self) -> None:
        """Two columns are enough to read."""
        self.run_sql("CREATE TABLE virtual (mail TEXT, hash TEXT, active INT)")
        text = keys("pencil").format("dovecot")
        self.run_sql("INSERT INTO virtual VALUES ('alice@example.org', ?, 1)", text)
        self.run_sql("INSERT INTO virtual VALUES ('bob@example.org', ?, 0)", text)
        store = SqlStore(
            sqlite3,
            lambda: sqlite3.connect(self.path, check_same_thread=False),
            find="SELECT mail, hash FROM virtual WHERE mail = :username AND active",
            accounts="SELECT mail, hash FROM virtual",
        )
        self.addCleanup(store.close)
        account = Account([keys("pencil")])
        self.assertEqual(store.find("alice@example.org"), account)
        self.assertIsNone(store.find("bob@example.org"))
        self.assertEqual(len(list(store.accounts())), 2)

    def test_several_rows_add_up(self) -> None:
        """One record a row."""
        self.run_sql("CREATE TABLE record (who TEXT, text TEXT)")
        for hash_name in ("sha1", "sha256"):
            text = keys("pencil", hash_name).format()
            self.run_sql("INSERT INTO record VALUES ('alice', ?)", text)
        store = SqlStore(
            sqlite3,
            lambda: sqlite3.connect(self.path, check_same_thread=False),
            find="SELECT who, text FROM record WHERE who = :username ORDER BY text",
        )
        self.addCleanup(store.close)
        both = Account([keys("pencil", "sha1"), keys("pencil")])
        self.assertEqual(store.find("alice"), both)
        with self.assertRaises(ValueError):
            store.replace("alice", both, WONDER)

    def test_a_collation_makes_nobody_somebody_else(self) -> None:
        """SQL's equality is not that of names, unless one says so."""
        self.run_sql("CREATE TABLE loose (who TEXT COLLATE NOCASE, text TEXT)")
        text = keys("pencil").format()
        self.run_sql("INSERT INTO loose VALUES ('Alice', ?)", text)
        facts: dict[str, Any] = {
            "driver": sqlite3,
            "connect": lambda: sqlite3.connect(self.path, check_same_thread=False),
            "find": "SELECT who, text FROM loose WHERE who = :username",
        }
        strict, loose = SqlStore(**facts), SqlStore(**facts, exact=False)
        self.addCleanup(strict.close)
        self.addCleanup(loose.close)
        self.assertIsNone(strict.find("alice"))
        self.assertIsNotNone(strict.find("Alice"))
        self.assertIsNotNone(loose.find("alice"))


class StatementTest(unittest.TestCase):
    """Named parameters in every driver's style."""

    def test_every_style(self) -> None:
        """Of PEP 249; by position they come as often as they stand there."""
        text = "SELECT a FROM t WHERE a = :name OR b = :name OR c = :other"
        values = {"name": 1, "other": 2, "unused": 3}
        by_name = {"name": 1, "other": 2}
        for style, shown, given in (
            ("qmark", "a = ? OR b = ? OR c = ?", (1, 1, 2)),
            ("numeric", "a = :1 OR b = :2 OR c = :3", (1, 1, 2)),
            ("named", "a = :name OR b = :name OR c = :other", by_name),
            ("format", "a = %s OR b = %s OR c = %s", (1, 1, 2)),
            ("pyformat", "a = %(name)s OR b = %(name)s OR c = %(other)s", by_name),
        ):
            with self.subTest(style):
                statement = _Statement(text, style)
                self.assertEqual(statement.text, f"SELECT a FROM t WHERE {shown}")
                self.assertEqual(statement.parameters(values), given)
        with self.assertRaises(ValueError):
            _Statement(text, "other")

    def test_what_is_no_parameter(self) -> None:
        """Strings, quoted names, comments, casts; a % is doubled where it must be."""
        text = "SELECT ':a', \"b:c\", x::text, '%' -- :d\n/* :e */ WHERE n = :name"
        statement = _Statement(text, "pyformat")
        self.assertEqual(
            statement.text,
            "SELECT ':a', \"b:c\", x::text, '%%' -- :d\n/* :e */ WHERE n = %(name)s",
        )
        self.assertEqual(statement.parameters({"name": 1}), {"name": 1})
        self.assertIn("'%'", _Statement(text, "qmark").text)

    def test_the_schemas(self) -> None:
        """One statement each."""
        for kind in ("sqlite", "postgresql", "mysql"):
            self.assertEqual(schema(kind).count("CREATE TABLE sasl_account"), 1)
        with self.assertRaises(KeyError):
            schema("access")

    def test_octets_are_taken_for_text(self) -> None:
        """As MySQL's drivers give them."""
        row = (b"alice", keys("pencil").format().encode(), memoryview(b""), bytearray())
        cursor = SimpleNamespace(
            execute=lambda *_: None, fetchall=lambda: [row], close=lambda: None
        )
        connection = SimpleNamespace(
            cursor=lambda: cursor, commit=lambda: None, close=lambda: None
        )
        store = SqlStore(sqlite3, lambda: connection, find=FIND)
        self.assertEqual(store.find("alice"), Account([keys("pencil")]))
        self.assertIsNone(store.find("Alice"))


if __name__ == "__main__":
    unittest.main()
