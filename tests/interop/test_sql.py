"""SqlStore on PostgreSQL and MariaDB, with the drivers that people install."""

from __future__ import annotations

import subprocess
import sys
import unittest
from typing import Any

from sasl_core.backends import Unavailable
from sasl_core.backends.sql import SqlStore, schema

from ..backends._contract import WONDER, Contract
from .packages import need_package
from .peers.mariadb import DATABASE, Mariadb
from .peers.mariadb import PASSWORD as MARIADB_PASSWORD
from .peers.mariadb import USER as MARIADB_USER
from .peers.postgresql import PASSWORD, Postgresql
from .peers.process import HOST

_WRITER = """
import sys
from sasl_core.backends import Account
from tests.interop.test_sql import {kind}
store, me = {kind}.open(int(sys.argv[1])), sys.argv[2]
for turn in range(50):
    assert store.replace(f"{{me}}-{{turn}}", None, Account())
    while True:
        old = store.find("shared")
        new = old.replace(authzids=old.authzids | {{f"{{me}}-{{turn}}"}})
        if store.replace("shared", old, new):
            break
store.close()
"""


class Rules(Contract):
    """What is true of every database server."""

    peer: Any
    open: Any

    def setUp(self) -> None:
        """Begin with an empty table."""
        self.store = self.make()
        store = self.store
        for name, account in list(store.accounts()):
            store.replace(name, account, None)

    def make(self) -> SqlStore:
        """Open the database."""
        store: SqlStore = self.open(self.peer.port)
        self.addCleanup(store.close)
        return store

    @classmethod
    def make_table(cls, kind: str) -> None:
        """Make the table as the library has it."""
        store = cls.open(cls.peer.port)
        connection = store._connect()
        cursor = connection.cursor()
        cursor.execute(schema(kind))
        connection.commit()
        connection.close()

    def test_two_processes_lose_nothing(self) -> None:
        """Each makes fifty accounts, and fifty changes to one that both change."""
        from sasl_core.backends import Account

        self.store.replace("shared", None, Account())
        script = _WRITER.format(kind=type(self).__name__)
        both = [
            subprocess.Popen([sys.executable, "-c", script, str(self.peer.port), name])
            for name in ("one", "two")
        ]
        self.assertEqual([process.wait(60) for process in both], [0, 0])
        names = {f"{name}-{turn}" for name in ("one", "two") for turn in range(50)}
        self.assertEqual(dict(self.store.accounts()).keys(), names | {"shared"})
        self.assertEqual(self.store.find("shared").authzids, names)


class PostgresqlTest(Rules, unittest.TestCase):
    """With psycopg."""

    @classmethod
    def setUpClass(cls) -> None:
        """Start the server, make the table."""
        need_package("psycopg")
        cls.peer = cls.enterClassContext(Postgresql())
        cls.make_table("postgresql")

    @staticmethod
    def open(port: int) -> SqlStore:
        """Open it as an application would."""
        psycopg = need_package("psycopg")
        address = f"host={HOST} port={port} user=postgres password={PASSWORD}"
        return SqlStore(psycopg, lambda: psycopg.connect(f"{address} dbname=postgres"))

    def test_a_restart_in_between(self) -> None:
        """While it is down nobody can tell; after that all goes on."""
        self.store.replace("alice", None, WONDER)
        self.peer.halt()
        with self.assertRaises(Unavailable):
            self.store.find("alice")
        self.peer.begin()
        self.assertEqual(self.store.find("alice"), WONDER)


class MariadbTest(Rules, unittest.TestCase):
    """With PyMySQL."""

    @classmethod
    def setUpClass(cls) -> None:
        """Start the server, make the table."""
        need_package("pymysql")
        cls.peer = cls.enterClassContext(Mariadb())
        cls.make_table("mysql")

    @staticmethod
    def open(port: int) -> SqlStore:
        """Open it as an application would."""
        pymysql = need_package("pymysql")

        def connect() -> Any:
            return pymysql.connect(
                host=HOST,
                port=port,
                user=MARIADB_USER,
                password=MARIADB_PASSWORD,
                database=DATABASE,
                charset="utf8mb4",
            )

        return SqlStore(pymysql, connect)
