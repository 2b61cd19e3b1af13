"""Setting passwords, upgrading records, and stores for asyncio."""

from __future__ import annotations

import unittest
from typing import Any

from sasl_core import records
from sasl_core.backends import (
    Account,
    ThreadedStore,
    Unavailable,
    Upgrade,
    set_password,
    set_password_async,
)
from sasl_core.backends.memory import MemoryStore

from ._contract import LOOKING, WONDER, keys


class Busy(MemoryStore):
    """A store in which somebody else is faster, some times."""

    def __init__(self, times: int) -> None:
        super().__init__({"alice": WONDER})
        self.times = times

    def replace(self, username: str, old: Any, new: Any) -> bool:
        """Change it before the caller does."""
        if self.times:
            self.times -= 1
            account = self.find(username)
            fresh = account.replace(authzids=account.authzids | {f"a{self.times}"})
            super().replace(username, account, fresh)
        return super().replace(username, old, new)


class SetPasswordTest(unittest.TestCase):
    """One password for all the records."""

    def test_a_new_account_and_an_old_one(self) -> None:
        """What else is stored of it stays."""
        store = MemoryStore({"alice": Account([keys("old")], {"bob"})})
        for name in ("alice", "carol"):
            set_password(store, name, "new", ("SCRAM-SHA-1", "CRAM-MD5"), iterations=2)
            account = store.find(name)
            schemes = [record.scheme for record in account.records]
            self.assertEqual(schemes, ["SCRAM-SHA-1", "CRAM-MD5"])
            self.assertTrue(all(record.verify("new") for record in account.records))
        self.assertEqual(store.find("alice").authzids, {"bob"})
        set_password(store, "dave", "new")
        self.assertEqual(store.find("dave").records[0].iterations, 10_000)

    def test_somebody_else_at_the_same_time(self) -> None:
        """His change is not lost."""
        store = Busy(5)
        set_password(store, "alice", "new", iterations=2)
        account = store.find("alice")
        self.assertTrue(account.records[0].verify("new"))
        self.assertEqual(len(account.authzids), 5)
        with self.assertRaises(Unavailable):
            set_password(Busy(1000), "alice", "new", iterations=2)

    def test_refused(self) -> None:
        """Passwords and names that cannot be."""
        store = MemoryStore()
        for name, password in (
            ("alice", ""),
            ("a\nb", "x"),
            ("", "x"),
            ("a", "\ud800"),
        ):
            with self.assertRaises(ValueError):
                set_password(store, name, password, iterations=2)
        self.assertEqual(list(store.accounts()), [])


class UpgradeTest(unittest.TestCase):
    """What is due, and what comes of it."""

    def test_what_is_due(self) -> None:
        """Missing, too few iterations, a fast hash."""
        upgrade = Upgrade(iterations=3)
        good = Account([records.ScramKeys.derive("x", iterations=3)])
        sha = records.parse("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=")
        for account, due in (
            (good, False),
            (Account([*good.records, records.Plaintext("x")]), False),
            (Account([*good.records, *sha]), True),
            (Account([keys("x")]), True),
            (Account([keys("x", "sha1")]), True),
            (Account(), True),
        ):
            self.assertEqual(upgrade.due(account), due, account)
            better = upgrade.apply("alice", account.replace(authzids={"b"}), "x")
            self.assertFalse(upgrade.due(better))
            self.assertEqual(better.authzids, {"b"})
            self.assertEqual(better.records[0].scheme, "SCRAM-SHA-256")

    def test_one_record_only(self) -> None:
        """For a file that holds no more."""
        account = Account([records.Plaintext("x"), keys("x", "sha1")])
        better = Upgrade(iterations=3, only=True).apply("alice", account, "x")
        self.assertEqual([r.scheme for r in better.records], ["SCRAM-SHA-256"])


class ThreadedStoreTest(unittest.IsolatedAsyncioTestCase):
    """Any store, awaited."""

    async def test_it(self) -> None:
        """Finds, replaces, lists; and passwords are set in it."""
        store = ThreadedStore(MemoryStore())
        self.addCleanup(store.close)
        self.assertTrue(await store.replace("alice", None, WONDER))
        self.assertFalse(await store.replace("alice", LOOKING, WONDER))
        self.assertEqual(await store.find("alice"), WONDER)
        every = [account async for account in store.accounts()]
        self.assertEqual(every, [("alice", WONDER)])
        await set_password_async(store, "alice", "new", iterations=2)
        account = await store.find("alice")
        self.assertTrue(account.records[0].verify("new"))
        with self.assertRaises(ValueError):
            await set_password_async(store, "alice", "")


if __name__ == "__main__":
    unittest.main()
