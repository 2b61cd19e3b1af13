"""Accounts with public keys: in stores, and through what changes accounts."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from sasl_core import records
from sasl_core.backends import Account, Upgrade, set_password
from sasl_core.backends.memory import MemoryStore
from sasl_core.backends.passwd import PasswdFile
from sasl_core.backends.sql import SqlStore
from sasl_core.records import EcdsaPublicKey

from ._elsewhere import ALICE, OTHER


class PublicKeyTest(unittest.TestCase):
    """In stores, and through what changes accounts."""

    def test_an_upgrade_and_a_new_password_leave_them(self) -> None:
        """They are of no password; several have one scheme."""
        two = [EcdsaPublicKey(each.public.octets) for each in (OTHER, ALICE)]
        before = Account([records.Plaintext("pencil"), *two])
        better = Upgrade(("SCRAM-SHA-256",), iterations=1, only=True)
        self.assertTrue(better.due(before))
        after = better.apply("alice", before, "pencil")
        self.assertEqual(
            [each.scheme for each in after.records],
            ["SCRAM-SHA-256", *[two[0].scheme] * 2],
        )
        self.assertFalse(better.due(after))
        store = MemoryStore({"alice": before})
        set_password(store, "alice", "new", iterations=1)
        changed = store.find("alice")
        assert changed is not None
        self.assertEqual(changed.records[1:], tuple(two))

    def test_stores_hold_them(self) -> None:
        """Like any other record."""
        directory = self.enterContext(tempfile.TemporaryDirectory())
        path = Path(directory, "passwd")
        path.touch()
        database = SqlStore.sqlite(f"{directory}/accounts")
        self.addCleanup(database.close)
        one = Account([EcdsaPublicKey(ALICE.public.octets)])
        for store in (PasswdFile(path), database):
            with self.subTest(type(store).__name__):
                self.assertTrue(store.replace("alice", None, one))
                self.assertEqual(store.find("alice"), one)
        self.assertIn("alice:{ECDSA-NIST256P}A", path.read_text())


if __name__ == "__main__":
    unittest.main()
