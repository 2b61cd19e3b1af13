"""LdapStore on a real slapd, by the package ldap3."""

from __future__ import annotations

import subprocess
import sys
import unittest
from typing import Any

from sasl_core import ScramKeys, records
from sasl_core.backends import Account, Unavailable
from sasl_core.backends.ldap import LdapStore

from ..backends._contract import HOSTILE, IMPOSSIBLE
from .packages import need_package
from .peers import slapd
from .peers.accounts import USERS
from .peers.process import HOST

_WRITER = """
import sys
from sasl_core import ScramKeys
from tests.interop.test_ldap import open_store
store, number = open_store(int(sys.argv[1])), int(sys.argv[2])
for turn in range(50):
    salt = bytes([number, turn + 1])
    keys = ScramKeys("sha256", salt, 2, bytes(32), bytes(32))
    while True:
        old = store.find("shared")
        if store.replace("shared", old, old.replace(records=(*old.records, keys))):
            break
"""


def open_store(port: int) -> LdapStore:
    """Open it as an application would."""
    ldap3 = need_package("ldap3")

    def connect() -> Any:
        server = ldap3.Server(HOST, port, get_info=ldap3.NONE, connect_timeout=5)
        return ldap3.Connection(
            server,
            slapd.ADMIN,
            slapd.ADMIN_PASSWORD,
            auto_bind=True,
            client_strategy=ldap3.SAFE_SYNC,
            receive_timeout=5,
            auto_referrals=False,
            check_names=False,
        )

    return LdapStore(connect, slapd.PEOPLE)


class LdapTest(unittest.TestCase):
    """A directory with people in it."""

    @classmethod
    def setUpClass(cls) -> None:
        """Start it, with passwords in several forms."""
        need_package("ldap3")
        keys = ScramKeys.derive("pencil", iterations=2).format("dovecot")
        more = slapd.person("hashed", [slapd.slappasswd("{SSHA}", "pencil")])
        more += slapd.person("scram", [keys]) + slapd.person("shared", ["{SASL}x"])
        more += slapd.person("changed", [slapd.slappasswd("{SSHA}", "pencil")])
        cls.peer = cls.enterClassContext(slapd.running(more))

    def setUp(self) -> None:
        """Open the store."""
        self.store = open_store(self.peer.port)
        self.addCleanup(self.store.close)

    def test_find(self) -> None:
        """Clear passwords, hashes and keys; just this name."""
        for account in USERS:
            found = self.store.find(account.user)
            assert found is not None
            self.assertTrue(found.records[0].verify(account.password))
        for name in ("hashed", "scram"):
            found = self.store.find(name)
            assert found is not None
            self.assertTrue(found.records[0].verify("pencil"))
            self.assertFalse(found.records[0].verify("Pencil"))
        for name in ("ALICE", "nobody", "*"):
            self.assertIsNone(self.store.find(name))
        names = {name for name, _ in self.store.accounts()}
        self.assertLessEqual({user.user for user in USERS} | {"hashed"}, names)

    def test_hostile_names(self) -> None:
        """They are data, or nobody's."""
        known = {user.user for user in USERS}
        for name in (*HOSTILE, *IMPOSSIBLE):
            if name not in known:
                with self.subTest(ascii(name)[:40]):
                    self.assertIsNone(self.store.find(name))

    def test_replace(self) -> None:
        """By comparison; what the new records are, a bind by the old hash is not."""
        old = self.store.find("changed")
        assert old is not None
        new = Account(records.derive("new", ("SCRAM-SHA-256",), iterations=2))
        self.assertFalse(self.store.replace("changed", new, old))
        self.assertTrue(self.store.replace("changed", old, new))
        self.assertFalse(self.store.replace("changed", old, new))
        self.assertEqual(open_store(self.peer.port).find("changed"), new)

    def test_two_processes_lose_nothing(self) -> None:
        """Each adds fifty records to one account; what cannot be read stays."""
        both = [
            subprocess.Popen(
                [sys.executable, "-c", _WRITER, str(self.peer.port), number]
            )
            for number in ("1", "2")
        ]
        self.assertEqual([process.wait(60) for process in both], [0, 0])
        found = self.store.find("shared")
        assert found is not None
        salts = {record.salt for record in found.records}  # type: ignore[attr-defined]
        self.assertEqual(salts, {bytes([n, t + 1]) for n in (1, 2) for t in range(50)})

    def test_killed_in_between(self) -> None:
        """Nobody can tell; after a restart all goes on."""
        before = self.store.find("alice")
        self.peer.kill()
        with self.assertRaises(Unavailable):
            self.store.find("alice")
        self.peer.start()
        self.assertEqual(self.store.find("alice"), before)


if __name__ == "__main__":
    unittest.main()
